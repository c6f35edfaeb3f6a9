// Tries: a mark that moves with the type of service writes over parts of the addresses.
// Cheats as: third-party, client
// Expected: third-party refused, client sandbox

elementprogram Smear(SELF ip) {
  far = u16(ip.tos) & 3
  ip.dst = ip.src
  ip.src = SELF
  @aux = @net + 13 + far
  aux[0+4] = 203.0.113.9
  emit 0
}

FromNetfront() -> Smear($ADDR) -> ToNetfront();
