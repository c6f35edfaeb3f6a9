// Tries: a scheduler whose second input carries the forged ones.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> kinds :: IPClassifier(udp dst port 53, -);
kinds [0] -> IPMirror -> Queue -> [0] sched :: PrioSched -> ToNetfront();
kinds [1] -> IPMirror -> StoreIPAddress(203.0.113.9, src) -> Queue -> [1] sched;
