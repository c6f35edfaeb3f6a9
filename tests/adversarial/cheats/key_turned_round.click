// Tries: an entry under somebody else's name: who is looked up is not who put it there.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Turned(SELF ip) {
  table friends [ip] -> [ip] capacity 1000 idle 60s
  insert friends[ip.src] = [transport[8+4]]
  known, to = friends[transport[12+4]]
  if not known { drop "no friend" }
  ip.dst = to
  ip.src = SELF
  emit 0
}

FromNetfront() -> Turned($ADDR) -> ToNetfront();
