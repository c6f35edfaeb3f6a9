// Tries: one route in a table of four leads elsewhere.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> GetIPAddress(30)
  -> route :: RangeIPLookup(0/1 172.16.15.133 0, 128/2 172.16.15.133 0, 192/2 172.16.15.133 0, 8.8.8.8/32 203.0.113.9 0);
route [0] -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
