// Does: watches whether the owner is there.
// Expected: third-party safe, client safe

FromNetfront() -> IPFilter(allow icmp) -> ICMPPingSource($ADDR, 172.16.15.133, INTERVAL 10s) -> Discard;
