// Tries: reflects ICMP errors at a victim that sent nothing.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> ICMPError($ADDR, unreachable, port) -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront()
