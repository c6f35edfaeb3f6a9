// Tries: takes the inner packet out of IP-in-IP and sends it as it is: source and destination come from the
//        payload.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPFilter(allow ip proto 4) -> StripIPHeader -> CheckIPHeader -> ToNetfront()
