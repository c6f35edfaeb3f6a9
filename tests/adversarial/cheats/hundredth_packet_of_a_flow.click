// Tries: counts the packets of each sender; the hundredth is forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Patience(SELF ip, VICTIM ip) {
  table counts [ip] -> [u8] capacity 1000 idle 60s
  known, n = counts[ip.src]
  insert counts[ip.src] = [n + 1]
  ip.dst = ip.src
  ip.src = SELF
  if n == 100 { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Patience($ADDR, 203.0.113.9) -> ToNetfront();
