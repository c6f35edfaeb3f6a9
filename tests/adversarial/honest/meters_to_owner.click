// Does: three levels of traffic are marked for the owner.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> level :: BandwidthMeter(10kBps, 1MBps);
level [0] -> SetIPDSCP(46) -> out :: ToNetfront();
level [1] -> SetIPDSCP(10) -> out;
level [2] -> SetIPDSCP(0) -> out;
