// Rate limiter
// Lets ten packets a second through to the owner.
FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(100) -> TimedUnqueue(0.1, 1) -> ToNetfront()
