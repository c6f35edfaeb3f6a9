// Tries: who knocks on three ports in turn is let in by the back door.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Knock(SELF ip, VICTIM ip) {
  table doors [ip] -> [u8] capacity 1000 idle 10s
  _, state = doors[ip.src]
  ip.dst = ip.src
  if state == 0 and udp.dport == 7001 { insert doors[ip.src] = [1] }
  if state == 1 and udp.dport == 7002 { insert doors[ip.src] = [2] }
  ip.src = SELF
  if state == 2 and udp.dport == 7003 { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Knock($ADDR, 203.0.113.9) -> ToNetfront();
