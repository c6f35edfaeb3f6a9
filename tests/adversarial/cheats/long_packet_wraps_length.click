// Tries: makes a packet so long that its length, a number of 16 bits, begins again at zero.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Grow(SELF ip, VICTIM ip) {
  more = 40000u16
  @end = @end + more
  ip.dst = ip.src
  ip.src = SELF
  if @end - @net < 20000 { ip.src = VICTIM }
  @end = @net + 100
  emit 0
}

FromNetfront() -> Grow($ADDR, 203.0.113.9) -> ToNetfront();
