// Tries: writes the source by its offset in the frame, not by its name.
// Cheats as: third-party, client
// Expected: third-party refused, client sandbox

FromNetfront() -> which :: IPClassifier(udp, -);
which [0] -> StoreIPAddress(203.0.113.9, 26) -> IPMirror -> ToNetfront();
which [1] -> IPMirror -> StoreIPAddress(203.0.113.9, 26) -> ToNetfront();
