// Tries: answers pings, and sends what is no ping to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> ping :: ICMPPingResponder -> out :: ToNetfront();
ping [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
