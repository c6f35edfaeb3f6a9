// Tries: the sender's address with its last byte changed: a neighbour gets the answer.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> GetIPAddress(30) -> SetAnnoByte(3, 9) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
