// Tries: writes a whole header as data.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreData(26, \<CB 00 71 09 CB 00 71 0A>) -> ToNetfront()
