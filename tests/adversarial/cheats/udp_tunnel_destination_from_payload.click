// Tries: the outer destination is taken from the payload through the annotation.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> Strip(14) -> GetIPAddress(28) -> UDPIPEncap($ADDR, 4000, DST_ANNO, 4000) -> ToNetfront()
