// Does: wraps and unwraps: the inner packet is the one that came, and is answered.
// Expected: third-party safe, client safe

FromNetfront() -> Strip(14) -> IPEncap(4, 203.0.113.1, 203.0.113.2) -> Strip(20) -> MarkIPHeader(0)
  -> IPMirror -> ToNetfront()
