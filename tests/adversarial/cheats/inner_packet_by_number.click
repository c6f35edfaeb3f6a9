// Tries: the same with a number instead of the header's own length: bytes 34 and on become the packet.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> Strip(34) -> CheckIPHeader -> ToNetfront()
