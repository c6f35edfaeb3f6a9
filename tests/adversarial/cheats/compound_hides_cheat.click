// Tries: the cheat lies two compound elements deep, in an overloaded variant.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementclass Inner { $a | input -> Null -> output || $a, $b | input -> StoreIPAddress($b, $a) -> output }
elementclass Outer { input -> c :: IPClassifier(udp, -); c [0] -> Inner(src, 203.0.113.9) -> output;
  c [1] -> Inner(src) -> output }
FromNetfront() -> IPMirror -> Outer -> ToNetfront();
