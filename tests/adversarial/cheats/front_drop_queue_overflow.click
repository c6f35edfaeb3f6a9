// Tries: the same for a queue that gives up its oldest packet, to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> q :: FrontDropQueue(10) -> TimedUnqueue(10, 1) -> out :: ToNetfront();
q [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
