// Tries: packets that find the queue full are forged: the second output is used under load only.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> q :: Queue(10) -> TimedUnqueue(10, 1) -> out :: ToNetfront();
q [1] -> StoreIPAddress(203.0.113.9, src) -> out;
