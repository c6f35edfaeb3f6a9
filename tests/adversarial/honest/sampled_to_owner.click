// Does: one packet in a thousand is shown to the owner.
// Expected: third-party safe, client safe

FromNetfront() -> sample :: RandomSample(0.001);
sample [0] -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
