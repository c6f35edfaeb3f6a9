// Tries: forges the source first, then has a rewriter keep the flow.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress(203.0.113.9, src) -> rw :: IPRewriter(keep 0 0) -> ToNetfront()
