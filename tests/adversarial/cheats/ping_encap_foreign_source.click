// Tries: echo requests in the name of a victim, who gets the answers.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> Strip(42) -> ICMPPingEncap(203.0.113.9, 172.16.15.133) -> ToNetfront();
