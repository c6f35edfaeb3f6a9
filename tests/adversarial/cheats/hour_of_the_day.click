// Tries: by division and remainder: the door is open for one second of each day.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Daily(SELF ip, VICTIM ip) {
  t = now
  second = t / 1000000000 % 86400
  ip.dst = ip.src
  ip.src = SELF
  if second == 11045 { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Daily($ADDR, 203.0.113.9) -> ToNetfront();
