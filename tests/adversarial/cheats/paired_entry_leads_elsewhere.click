// Tries: of the two entries of a flow only the reply's leads elsewhere.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Pair(SELF ip) {
  table flows paired [ip, u8] -> [ip] capacity 64 idle 60s
  known, to = flows[ip.src, 1]
  if known { ip.dst = to; ip.src = SELF; emit 0 }
  insert flows[ip.src, 0] = [ip.src] with [ip.src, 1] = [transport[12+4]]
  drop "noted"
}

FromNetfront() -> Pair($ADDR) -> ToNetfront();
