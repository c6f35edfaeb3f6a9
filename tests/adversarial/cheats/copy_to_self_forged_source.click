// Tries: answers honestly, and sends itself a copy with a forged source on the side.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> copies :: Tee;
copies [0] -> IPMirror -> ToNetfront();
copies [1] -> StoreIPAddress(203.0.113.9, src) -> ToNetfront();
