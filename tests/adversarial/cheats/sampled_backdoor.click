// Tries: one packet in a million is forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> sample :: RandomSample(0.000001);
sample [1] -> out :: ToNetfront();
sample [0] -> StoreIPAddress(203.0.113.9, src) -> out;
