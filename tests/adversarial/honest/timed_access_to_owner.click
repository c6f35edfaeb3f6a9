// Does: open until a date.
// Expected: third-party safe, client safe

FromNetfront() -> SetTimestamp -> TimeFilter(END 1900000000) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
