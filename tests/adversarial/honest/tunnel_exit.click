// Does: Table 1's tunnel: what the owner wraps leaves in the module's name, wherever it goes; a client may
//       do that.
// Expected: third-party sandbox, client safe

FromNetfront() -> IPFilter(allow src host 172.16.15.133 and ip proto 4) -> StripIPHeader -> CheckIPHeader
  -> StoreIPAddress($ADDR, src) -> ToNetfront()
