// DNS Server (stock)
// Answers name requests; the rest is dropped.
FromNetfront() -> CheckIPHeader(14) -> IPFilter(allow udp dst port 53 and ip unfrag) -> IPMirror -> ToNetfront()
