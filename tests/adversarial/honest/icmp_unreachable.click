// Does: says in its own name that nobody is at home.
// Expected: third-party safe, client safe

FromNetfront() -> ICMPError($ADDR, unreachable, port) -> ToNetfront()
