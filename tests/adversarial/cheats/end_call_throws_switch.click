// Tries: a source that is at its end throws a switch.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

InfiniteSource("x", 5, END_CALL door.switch 1) -> Discard;
FromNetfront() -> IPMirror -> door :: Switch(0);
door [0] -> out :: ToNetfront();
door [1] -> StoreIPAddress(203.0.113.9, src) -> out;
