// Does: the same with IP in IP.
// Expected: third-party safe, client safe

FromNetfront() -> Strip(14) -> IPEncap(4, $ADDR, 172.16.15.133) -> ToNetfront()
