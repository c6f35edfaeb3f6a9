// Tries: one's complement has two zeros: adding one of them changes a number.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Carry(SELF ip, VICTIM ip) {
  ip.dst = ip.src
  ip.src = SELF
  if ip.id +1s 0xffff != ip.id { ip.src = VICTIM }
  emit 0
}

FromNetfront() -> Carry($ADDR, 203.0.113.9) -> ToNetfront();
