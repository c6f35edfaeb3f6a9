// Tries: an Ethernet switch floods what it has not learned: a second port forges.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> switch :: EtherSwitch;
Idle -> [1] switch;
Idle -> [2] switch;
switch [0] -> Discard;
switch [1] -> ToNetfront();
switch [2] -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
