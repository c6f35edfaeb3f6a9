// Tries: uses the destination annotation as FromNetfront left it, its own address: only a loop.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> Strip(14) -> UDPIPEncap($ADDR, 4000, DST_ANNO, 4000) -> ToNetfront()
