// Tries: the payload says where the packet goes: four bytes behind the UDP header.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPFilter(allow udp) -> Strip(14) -> GetIPAddress(28)
  -> StoreIPAddress($ADDR, src) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
