// Tries: a copy of what is painted goes to a victim, the packet itself where it should.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> Paint(1) -> tee :: PaintTee(1);
tee [0] -> out :: ToNetfront();
tee [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
