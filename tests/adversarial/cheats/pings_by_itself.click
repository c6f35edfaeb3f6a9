// Tries: a source of echo requests to somebody who never asked.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPFilter(allow icmp) -> ICMPPingSource($ADDR, 203.0.113.9, INTERVAL 1s) -> ToNetfront();
