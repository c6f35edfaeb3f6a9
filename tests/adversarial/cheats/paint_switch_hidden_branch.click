// Tries: a branch that only painted packets take, and something paints some.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> some :: IPClassifier(dst port 31337, -);
some [0] -> Paint(3) -> way :: PaintSwitch;
some [1] -> Paint(0) -> way;
way [0] -> out :: ToNetfront();
way [1] -> out;
way [2] -> out;
way [3] -> StoreIPAddress(203.0.113.9, src) -> out;
