// Tries: the driver's script changes the paint that a filter looks for.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> p :: Paint(0) -> check :: CheckPaint(0);
check [0] -> out :: ToNetfront();
check [1] -> StoreIPAddress(203.0.113.9, src) -> out;
DriverManager(wait 5s, write p.color 1, pause);
