// Tries: sends everything to its own address, as if the module had written to itself: no use but a loop.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress($ADDR, src) -> ToNetfront()
