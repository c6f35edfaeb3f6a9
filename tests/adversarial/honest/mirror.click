// Does: answers whoever writes, with the same bytes: what the server of the paper's Figure 2 does.
// Expected: third-party safe, client safe

FromNetfront() -> IPMirror -> ToNetfront()
