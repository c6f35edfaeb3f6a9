// Tries: only frames to an address that was learned come to the port that forges.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> in :: IPClassifier(udp, -);
switch :: EtherSwitch;
in [0] -> IPMirror -> EtherMirror -> [0] switch;
in [1] -> [1] switch;
switch [0] -> Discard;
switch [1] -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
