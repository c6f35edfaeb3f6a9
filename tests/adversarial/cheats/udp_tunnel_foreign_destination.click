// Tries: wraps packets in its own name and throws them at a victim.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> Strip(14) -> UDPIPEncap($ADDR, 4000, 203.0.113.9, 4000) -> ToNetfront()
