// Tries: the sender is noted in the payload, which later fragments do not have.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide {
  if not has transport[8+4] { drop "short" }
  transport[8+4] = ip.src
  ip.src = 10.0.0.1
  emit 0
}
elementprogram Show(SELF ip) { ip.dst = transport[8+4]; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> IPFragmenter(200) -> Show($ADDR) -> ToNetfront();
