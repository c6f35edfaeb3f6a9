// Tries: the same with a search that is short enough to be exact.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> look :: StringMatcher("GET", WITHIN 8);
look [0] -> out :: ToNetfront();
look [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
