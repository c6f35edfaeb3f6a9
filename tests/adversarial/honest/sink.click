// Does: counts and sends nothing.
// Expected: third-party safe, client safe

FromNetfront() -> Counter -> Discard
