// Does: packets with a word in them are dropped.
// Expected: third-party safe, client safe

FromNetfront() -> StringMatcher("attack", \<de ad be ef>) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
