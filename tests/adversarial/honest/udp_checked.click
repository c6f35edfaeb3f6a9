// Does: checks UDP before it answers; a wrong one is dropped.
// Expected: third-party safe, client safe

FromNetfront() -> IPFilter(allow udp) -> CheckUDPHeader -> IPMirror -> ToNetfront()
