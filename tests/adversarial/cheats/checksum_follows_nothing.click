// Tries: a field that checksums are not: "follows" writes over the source.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Follow(SELF ip) {
  ip.dst = ip.src
  ip.src = SELF
  net[14+2] follows 1u16 -> 2u16
  emit 0
}

FromNetfront() -> Follow($ADDR) -> ToNetfront();
