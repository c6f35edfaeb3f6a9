// Does: answers name requests only, after checking them; the rest is dropped.
// Expected: third-party safe, client safe

FromNetfront() -> CheckIPHeader(14) -> IPFilter(allow udp dst port 53 and ip unfrag) -> IPMirror -> ToNetfront()
