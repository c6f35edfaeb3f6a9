// Tries: the sender's address, kept as a time, a second later.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide { anno.time_s = ip.src; anno.time_ns = 0; emit 0 }
elementprogram Show(SELF ip) { ip.dst = anno.time_s; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> AdjustTimestamp(1) -> Show($ADDR) -> ToNetfront();
