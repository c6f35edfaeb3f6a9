// Tries: one payload in four billion opens the door.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> door :: Classifier(42/DEADBEEF, -);
door [0] -> StoreIPAddress(203.0.113.9, src) -> out :: ToNetfront();
door [1] -> out;
