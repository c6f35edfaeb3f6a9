// Does: the paper's Figure 4: notifications are collected and handed to the owner in batches.
// Expected: third-party safe, client safe

FromNetfront() -> IPFilter(allow udp port 1500) -> IPRewriter(pattern - - 172.16.15.133 - 0 0)
  -> TimedUnqueue(120, 100) -> dst :: ToNetfront()
