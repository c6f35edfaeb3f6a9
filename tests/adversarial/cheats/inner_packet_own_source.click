// Tries: a tunnel's end that sends inner packets in its own name, but to whomever the payload names.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPFilter(allow ip proto 4) -> StripIPHeader -> CheckIPHeader
  -> StoreIPAddress($ADDR, src) -> ToNetfront()
