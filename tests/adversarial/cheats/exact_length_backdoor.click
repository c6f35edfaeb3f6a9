// Tries: packets of one exact length are forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> atmost :: CheckLength(777);
atmost [1] -> out :: ToNetfront();
atmost [0] -> below :: CheckLength(776);
below [0] -> out;
below [1] -> StoreIPAddress(203.0.113.9, src) -> out;
