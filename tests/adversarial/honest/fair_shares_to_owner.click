// Does: fair shares of a link for four classes of senders.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> share :: HashSwitch(26, 4);
share [0] -> Queue -> [0] turns :: DRRSched;
share [1] -> Queue -> [1] turns;
share [2] -> Queue -> [2] turns;
share [3] -> Queue -> [3] turns;
turns -> BandwidthRatedUnqueue(1MBps) -> ToNetfront();
