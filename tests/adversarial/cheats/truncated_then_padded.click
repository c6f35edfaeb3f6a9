// Tries: cuts the packet in its header and pads it again: the addresses are what padding makes of them.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> long :: CheckLength(100);
long [0] -> ToNetfront();
long [1] -> Truncate(28) -> Pad(100) -> ToNetfront();
