// Tries: a checksum is written where the destination stands, by a network mark that was moved.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> MarkIPHeader(22) -> SetIPChecksum -> ToNetfront()
