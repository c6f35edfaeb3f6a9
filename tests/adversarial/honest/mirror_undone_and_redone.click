// Does: mirrored three times: an answer again.
// Expected: third-party safe, client safe

FromNetfront() -> IPMirror -> IPMirror -> IPMirror -> ToNetfront()
