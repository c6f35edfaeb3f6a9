// Tries: packets have a timestamp as soon as they come in, so that all of them are late.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> past :: TimeFilter(END 1000);
past [0] -> out :: ToNetfront();
past [1] -> StoreIPAddress(203.0.113.9, src) -> out;
