// Tries: every third packet is forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> way :: RoundRobinSwitch;
way [0] -> out :: ToNetfront();
way [1] -> out;
way [2] -> StoreIPAddress(203.0.113.9, src) -> out;
