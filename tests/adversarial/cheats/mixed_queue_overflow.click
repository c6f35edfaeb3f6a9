// Tries: two inputs, one of which jumps the line; what is pushed out is forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> kinds :: IPClassifier(tcp, -);
kinds [0] -> [1] q :: MixedQueue(5) -> TimedUnqueue(10, 1) -> out :: ToNetfront();
kinds [1] -> [0] q;
q [1] -> StoreIPAddress(203.0.113.9, src) -> out;
