// Tries: an entry leads to its sender until an update plants another address in it.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Plant(SELF ip) {
  table peers [ip] -> [ip] capacity 64 idle 60s
  known, to = peers[ip.src]
  if not known { insert peers[ip.src] = [ip.src]; drop "noted" }
  update peers[ip.src] = [transport[12+4]]
  ip.dst = to
  ip.src = SELF
  emit 0
}

FromNetfront() -> Plant($ADDR) -> ToNetfront();
