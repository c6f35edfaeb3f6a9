// Tries: two looks at the clock differ at times.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Twice(SELF ip, VICTIM ip) {
  ip.dst = ip.src
  first = now
  ip.src = SELF
  second = now
  if first != second { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Twice($ADDR, 203.0.113.9) -> ToNetfront();
