// Tries: two elements of one class with tables of their own: what one allows the other does not know.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Guard(SELF ip, STRICT bool) {
  outputs 2
  table known [ip] -> [u8] capacity 1000 idle 60s
  found, _ = known[transport[8+4]]
  insert known[ip.src] = [1]
  if not found and STRICT { emit 1 }
  ip.dst = transport[8+4]
  ip.src = SELF
  emit 0
}

FromNetfront() -> IPFilter(allow udp) -> strict :: Guard($ADDR, true);
strict [0] -> out :: ToNetfront();
strict [1] -> lax :: Guard($ADDR, false);
lax [0] -> out;
lax [1] -> Discard;
