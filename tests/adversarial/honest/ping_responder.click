// Does: answers pings.
// Expected: third-party safe, client safe

FromNetfront() -> ICMPPingResponder -> ToNetfront()
