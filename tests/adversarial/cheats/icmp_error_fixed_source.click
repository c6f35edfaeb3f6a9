// Tries: ICMP errors in its own name, until FixIPSrc gives them another: the annotation asks for it.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> ICMPError($ADDR, timeexceeded) -> FixIPSrc(203.0.113.1) -> ToNetfront()
