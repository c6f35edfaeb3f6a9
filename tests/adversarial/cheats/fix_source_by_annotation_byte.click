// Tries: asks for its source to be fixed by setting the byte behind the annotation's name.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> SetAnnoByte(FIX_IP_SRC, 1) -> FixIPSrc(203.0.113.9) -> ToNetfront();
