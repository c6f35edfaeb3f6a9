// Does: the same, but what is too much waits.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(1000) -> BandwidthShaper(10MBps) -> Unqueue -> ToNetfront();
