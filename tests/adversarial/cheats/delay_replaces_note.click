// Tries: the sender is noted as a time, which a delay sets anew.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide { anno.time_s = ip.src; emit 0 }
elementprogram Show(SELF ip) { ip.dst = anno.time_s; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> Queue -> DelayShaper(1) -> Unqueue -> Show($ADDR) -> ToNetfront();
