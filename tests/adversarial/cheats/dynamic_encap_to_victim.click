// Tries: a tunnel whose other end is said to move, but begins at a victim.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> Strip(14) -> DynamicUDPIPEncap($ADDR, 1, 203.0.113.9, 2) -> ToNetfront();
