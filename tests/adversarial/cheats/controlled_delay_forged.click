// Tries: a queue with controlled delay, and a forged source behind it.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Queue(100) -> CoDel -> RatedUnqueue(1000)
  -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
