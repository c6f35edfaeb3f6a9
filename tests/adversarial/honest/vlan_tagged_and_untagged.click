// Does: a tag that is put on and taken off again.
// Expected: third-party safe, client safe

FromNetfront() -> IPMirror -> VLANEncap(7) -> VLANDecap -> ToNetfront()
