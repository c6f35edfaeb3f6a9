// Tries: cuts the packet in its header and makes it longer again: the addresses are zeros.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

elementprogram Shave(SELF ip) {
  ip.dst = ip.src
  ip.src = SELF
  @end = @net + 12
  @end = @net + 60
  emit 0
}

FromNetfront() -> Shave($ADDR) -> ToNetfront();
