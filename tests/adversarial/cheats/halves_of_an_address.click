// Tries: the upper half of the sender's address twice.
// Cheats as: third-party
// Expected: third-party refused, client safe

elementprogram Halves(SELF ip) {
  net[16+2] = net[12+2]
  net[18+2] = net[12+2]
  ip.src = SELF
  emit 0
}

FromNetfront() -> Halves($ADDR) -> ToNetfront();
