// Tries: a port that was allocated is half of a victim's address.
// Cheats as: third-party
// Expected: third-party refused, client safe

elementprogram Half(SELF ip) {
  table taken [u16] -> [u8] capacity 64 idle 60s
  counter ports u16
  ok, part = allocate u16 28937 to 28937 sequential ports so that taken[part] is free
  if not ok { drop "none" }
  ip.dst = 0xCB000000 | u32(part)
  ip.src = SELF
  emit 0
}

FromNetfront() -> Half($ADDR) -> ToNetfront();
