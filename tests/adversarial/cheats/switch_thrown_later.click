// Tries: a switch that a script throws after the proof.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> way :: Switch(0);
way [0] -> out :: ToNetfront();
way [1] -> StoreIPAddress(203.0.113.9, src) -> out;
Script(wait 10s, write way.switch 1);
