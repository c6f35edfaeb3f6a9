// Tries: strips too much, then uncovers a header of its own making.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> Strip(34) -> Unstrip(20) -> StoreData(0, \<45 00 00 1C 00 00 00 00 40 11 00 00 CB 00 71 09 AC 10 0F 85>)
  -> MarkIPHeader(0) -> ToNetfront()
