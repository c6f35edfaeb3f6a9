// Tries: a sum of 33 bits tells whether one of 32 would have overflowed.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Sum(SELF ip, VICTIM ip) {
  total = u33(ip.src) + u33(transport[8+4])
  ip.dst = ip.src
  ip.src = SELF
  if total >= 0x100000000u33 { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Sum($ADDR, 203.0.113.9) -> ToNetfront();
