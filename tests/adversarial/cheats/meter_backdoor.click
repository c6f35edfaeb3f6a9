// Tries: a meter with three levels; the third is never reached in a test.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> rate :: BandwidthMeter(10kBps, 10MBps);
rate [0] -> out :: ToNetfront();
rate [1] -> out;
rate [2] -> StoreIPAddress(203.0.113.9, src) -> out;
