// Does: a polite answerer: checks, lowers the time to live, mirrors, fills checksums.
// Expected: third-party safe, client safe

FromNetfront() -> CheckIPHeader(14) -> DecIPTTL -> IPMirror -> SetIPChecksum -> ToNetfront()
