// Tries: bits fall over by chance, those of the addresses too.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> RandomBitErrors(0.001) -> ToNetfront();
