// Does: two peers that both speak to the relay are connected with each other.
// Expected: third-party safe, client safe

elementprogram Relay(SELF ip) {
  table waiting [u32] -> [ip, port] capacity 1024 idle 30s
  table peers [ip, port] -> [ip, port] capacity 2048 idle 30s
  met, to, port = peers[ip.src, udp.sport]
  if met {
    ip.dst = to updating ip.sum, udp.sum
    udp.dport = port updating udp.sum
    ip.src = SELF updating ip.sum, udp.sum
    emit 0
  }
  room = transport[8+4]
  found, other, at = waiting[room]
  if found and (other != ip.src or at != udp.sport) {
    insert peers[ip.src, udp.sport] = [other, at]
    insert peers[other, at] = [ip.src, udp.sport]
    delete waiting[room]
  } else {
    insert waiting[room] = [ip.src, udp.sport]
  }
  drop "waiting for the other"
}

FromNetfront() -> IPFilter(allow udp) -> Relay($ADDR) -> ToNetfront();
