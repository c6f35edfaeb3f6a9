// Tries: filters ports, but later fragments have none and go to the victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> ports :: IPClassifier(udp or tcp, -);
ports [0] -> whole :: IPClassifier(ip unfrag, -);
whole [0] -> IPMirror -> ToNetfront();
whole [1] -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront();
ports [1] -> Discard;
