// Does: wraps what comes and sends it back to its sender through the annotation.
// Expected: third-party safe, client safe

FromNetfront() -> GetIPAddress(IP src) -> Strip(14) -> IPEncap(4, $ADDR, DST_ANNO) -> ToNetfront()
