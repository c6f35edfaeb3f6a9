// Does: lets ten packets a second through to the owner.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(100) -> TimedUnqueue(0.1, 1) -> ToNetfront()
