// Does: at most so many bytes a second go to the owner.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> rate :: BandwidthRatedSplitter(10MBps);
rate [0] -> ToNetfront();
rate [1] -> Discard;
