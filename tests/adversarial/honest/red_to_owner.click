// Does: drops early when the queue grows.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> RED(5, 50, 0.02) -> Queue(100) -> RatedUnqueue(1000) -> ToNetfront();
