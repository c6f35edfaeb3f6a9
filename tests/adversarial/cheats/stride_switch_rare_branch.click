// Tries: a scheduler's turn comes to the forged branch after a thousand packets.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> turns :: StrideSwitch(1000, 1);
turns [0] -> out :: ToNetfront();
turns [1] -> StoreIPAddress(203.0.113.9, src) -> out;
