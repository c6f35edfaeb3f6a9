// Tries: puts a victim's address together in the annotation, one byte at a time.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> SetAnnoByte(0, 203) -> SetAnnoByte(1, 0) -> SetAnnoByte(2, 113) -> SetAnnoByte(3, 9)
  -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
