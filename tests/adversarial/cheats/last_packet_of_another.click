// Tries: the last packet of an aggregate has counts of all the others in it, where the sender was noted.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide { anno.extra_length = ip.src; emit 0 }
elementprogram Show(SELF ip) { ip.dst = anno.extra_length; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> last :: AggregateLast;
last [1] -> Show($ADDR) -> ToNetfront();
last [0] -> Discard;
