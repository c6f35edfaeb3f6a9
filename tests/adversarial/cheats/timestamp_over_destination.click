// Tries: writes the time of arrival over the destination.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> StoreTimestamp(OFFSET 30, TAIL false) -> ToNetfront();
