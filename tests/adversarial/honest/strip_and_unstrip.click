// Does: takes headers off and puts them back: the same packet, then answered.
// Expected: third-party safe, client safe

FromNetfront() -> Strip(14) -> StripIPHeader -> UnstripIPHeader -> IPMirror -> ToNetfront()
