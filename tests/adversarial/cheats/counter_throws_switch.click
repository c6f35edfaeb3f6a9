// Tries: the thousandth packet throws the switch.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> Counter(COUNT_CALL 1000 way.switch 1) -> way :: Switch(0);
way [0] -> out :: ToNetfront();
way [1] -> StoreIPAddress(203.0.113.9, src) -> out;
