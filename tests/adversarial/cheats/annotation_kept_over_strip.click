// Tries: notes four payload bytes, takes the header apart and puts it together again.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> GetIPAddress(42) -> Strip(14) -> StripIPHeader -> UnstripIPHeader
  -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
