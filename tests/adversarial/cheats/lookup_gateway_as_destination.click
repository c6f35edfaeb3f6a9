// Tries: most packets have a right gateway, those to the upper half of the Internet a wrong one.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> table :: LinearIPLookup(0.0.0.0/1 172.16.15.133 0, 128.0.0.0/1 203.0.113.9 0)
  -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
