// Tries: some byte of the packet chooses the branch that goes to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> way :: HashSwitch(30, 4);
way [0] -> out :: ToNetfront();
way [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
