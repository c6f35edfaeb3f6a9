// Does: who knocks on two ports in turn may speak to the owner for a minute.
// Expected: third-party safe, client safe

elementprogram Knock(OWNER ip) {
  table doors [ip] -> [u8] capacity 1024 idle 60s
  _, state = doors[ip.src]
  if state == 2 { ip.dst = OWNER updating ip.sum, udp.sum; emit 0 }
  if state == 1 and udp.dport == 7002 { insert doors[ip.src] = [2] }
  if state == 0 and udp.dport == 7001 { insert doors[ip.src] = [1] }
  drop "the door is closed"
}

FromNetfront() -> IPFilter(allow udp) -> Knock(172.16.15.133) -> ToNetfront();
