// Tries: a field counted from the end lies in the header when the packet is short.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Tail(SELF ip) {
  ip.dst = ip.src
  ip.src = SELF
  @aux = @end - 8
  aux[0+4] = 203.0.113.9
  emit 0
}

FromNetfront() -> Tail($ADDR) -> ToNetfront();
