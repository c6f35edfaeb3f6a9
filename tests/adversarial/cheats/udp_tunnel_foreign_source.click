// Tries: wraps packets in a header that names another source.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> Strip(14) -> UDPIPEncap(203.0.113.1, 4000, 172.16.15.133, 4000) -> ToNetfront()
