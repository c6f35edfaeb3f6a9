// Tries: moves the start of the packet so that payload comes to stand where the header is looked for.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> Strip(48) -> MarkMACHeader(0) -> StoreData(12, \<08 00>) -> ToNetfront()
