// Tries: no check at all: whatever stands behind the UDP header is called an IP packet.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> Strip(42) -> MarkIPHeader(0) -> ToNetfront()
