// Does: counts by sender and by flow on the way to the owner.
// Expected: third-party safe, client safe

FromNetfront() -> AggregateIP(ip src) -> AggregateCounter(AGGREGATE_FREEZE 1000) -> AggregateIPFlows -> Counter
  -> AverageCounter -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
