// Tries: a script decides packet by packet, and writes to its neighbour while it does.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> Script(TYPE PACKET, write to.addr 203.0.113.9, return 0)
  -> to :: SetIPAddress(172.16.15.133) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
