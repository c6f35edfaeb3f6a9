// Tries: the sender is noted in the payload, where bits fall over.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide {
  if not has transport[8+4] { drop "short" }
  transport[8+4] = ip.src
  emit 0
}
elementprogram Show(SELF ip) { ip.dst = transport[8+4]; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> Strip(34) -> RandomBitErrors(0.01) -> Unstrip(34) -> Show($ADDR) -> ToNetfront();
