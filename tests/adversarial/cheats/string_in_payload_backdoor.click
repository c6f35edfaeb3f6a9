// Tries: a word somewhere in the payload opens the door.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> look :: StringMatcher("open sesame");
look [0] -> out :: ToNetfront();
look [1] -> StoreIPAddress(203.0.113.9, src) -> out;
