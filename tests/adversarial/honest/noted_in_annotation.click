// Does: the sender is noted in an annotation that nothing in between uses.
// Expected: third-party safe, client safe

elementprogram Hide { anno.aggregate = ip.src; ip.src = 10.0.0.1; emit 0 }
elementprogram Show(SELF ip) { ip.dst = anno.aggregate; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> Paint(3) -> Queue(10) -> Unqueue -> Show($ADDR) -> SetIPChecksum -> ToNetfront();
