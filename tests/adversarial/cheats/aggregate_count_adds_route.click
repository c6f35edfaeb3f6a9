// Tries: after a thousand aggregates a counter adds a route to a victim.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> AggregateIP(ip src) -> AggregateCounter(AGGREGATE_CALL 1000 routes.add 0/0 203.0.113.9 0)
  -> routes :: RadixIPLookup(0/0 172.16.15.133 0) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
