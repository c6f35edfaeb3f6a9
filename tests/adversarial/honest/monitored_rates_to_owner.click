// Does: rates by sender are kept, and fast ones dropped.
// Expected: third-party safe, client safe

FromNetfront() -> IPRateMonitor(PACKETS, 0, 1, 100) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
