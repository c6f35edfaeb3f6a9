// Tries: fragments of several senders are made one sender's; the real one is noted in the payload, where
//        others overwrite it.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide {
  if not has transport[8+4] { drop "short" }
  transport[8+4] = ip.src
  ip.src = 10.0.0.1
  emit 0
}
elementprogram Show(SELF ip) { ip.dst = transport[8+4]; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> IPReassembler -> Show($ADDR) -> ToNetfront();
