// Tries: takes the next hop out of the loose source route option.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Route(SELF ip) {
  found, offset, length = option 131
  if not found or length < 7 { drop "no route" }
  @aux = @net + 3 + offset
  ip.dst = aux[0+4]
  ip.src = SELF
  emit 0
}

FromNetfront() -> Route($ADDR) -> ToNetfront();
