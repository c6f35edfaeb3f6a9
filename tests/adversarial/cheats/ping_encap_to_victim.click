// Tries: payloads are sent on to a victim as echo requests.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> Strip(42) -> ICMPPingEncap($ADDR, 203.0.113.9) -> ToNetfront();
