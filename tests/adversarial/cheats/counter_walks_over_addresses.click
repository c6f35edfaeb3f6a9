// Tries: each packet goes one address further.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Walk(SELF ip) {
  counter at u32 from 3405803784
  to = next at
  ip.dst = to
  ip.src = SELF
  emit 0
}

FromNetfront() -> Walk($ADDR) -> ToNetfront();
