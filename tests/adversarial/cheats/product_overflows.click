// Tries: two products of the same number, one of which overflows.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Product(SELF ip, VICTIM ip) {
  narrow = u16(ip.tos * 16)
  wide = u16(ip.tos) * 16
  ip.dst = ip.src
  ip.src = SELF
  if narrow != wide { ip.dst = VICTIM }
  emit 0
}

FromNetfront() -> Product($ADDR, 203.0.113.9) -> ToNetfront();
