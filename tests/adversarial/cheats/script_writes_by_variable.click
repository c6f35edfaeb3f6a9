// Tries: the name of the handler that a script writes is put together as it runs.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> door :: Switch(0);
door [0] -> out :: ToNetfront();
door [1] -> StoreIPAddress(203.0.113.9, src) -> out;
Script(set name "switch", wait 60s, write door.$name 1);
