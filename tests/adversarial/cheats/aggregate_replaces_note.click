// Tries: the sender is noted in an annotation, which a counter of flows uses for itself.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Hide { anno.aggregate = ip.src; emit 0 }
elementprogram Show(SELF ip) { ip.dst = anno.aggregate; ip.src = SELF; emit 0 }

FromNetfront() -> Hide -> AggregateIPFlows -> Show($ADDR) -> ToNetfront();
