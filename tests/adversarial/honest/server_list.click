// Does: servers register; who asks is told the last one in the answer's payload.
// Expected: third-party safe, client safe

elementprogram Registry(SELF ip) {
  table last [u8] -> [ip, port] capacity 1 idle 300s
  if not has transport[8+12] { drop "short" }
  if transport[8+4] == "HERE" { insert last[0] = [ip.src, udp.sport] }
  found, where, port = last[0]
  if not found { drop "no server" }
  transport[12+4] = where
  transport[16+2] = port
  ip.dst = ip.src updating ip.sum, udp.sum
  ip.src = SELF updating ip.sum, udp.sum
  back = udp.sport
  udp.sport = udp.dport
  udp.dport = back
  emit 0
}

FromNetfront() -> IPFilter(allow udp) -> Registry($ADDR) -> SetUDPChecksum -> ToNetfront();
