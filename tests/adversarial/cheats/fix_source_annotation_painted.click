// Tries: sets by hand the annotation that asks FixIPSrc for a new source, for painted packets only.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> some :: IPClassifier(udp, -);
some [0] -> Paint(1, FIX_IP_SRC) -> fix :: FixIPSrc(203.0.113.1) -> ToNetfront();
some [1] -> fix;
