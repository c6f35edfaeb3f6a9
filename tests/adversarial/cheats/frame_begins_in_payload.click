// Tries: what leaves is a frame that begins in the payload.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Inner(SELF ip) {
  ip.dst = ip.src
  ip.src = SELF
  @data = @transport + 8
  @mac = @data
  @net = none
  emit 0
}

FromNetfront() -> Inner($ADDR) -> ToNetfront();
