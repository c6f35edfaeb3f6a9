// Does: keeps delays short.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(100) -> CoDel -> RatedUnqueue(1000) -> ToNetfront();
