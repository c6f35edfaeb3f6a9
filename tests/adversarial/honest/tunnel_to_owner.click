// Does: wraps what comes in a header from itself to the owner.
// Expected: third-party safe, client safe

FromNetfront() -> Strip(14) -> UDPIPEncap($ADDR, 4000, 172.16.15.133, 4000) -> ToNetfront()
