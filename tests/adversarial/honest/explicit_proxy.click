// Does: sends where its user's payload says, in its own name: clients may deploy explicit proxies (section
//       2.1).
// Expected: third-party sandbox, client safe

FromNetfront() -> Strip(14) -> GetIPAddress(28) -> StoreIPAddress($ADDR, src) -> StoreIPAddress(DST_ANNO, dst)
  -> ToNetfront()
