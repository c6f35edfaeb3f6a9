// Tries: protocols without ports are forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> known :: IPClassifier(tcp, udp, icmp, -);
known [0] -> out :: ToNetfront();
known [1] -> out;
known [2] -> out;
known [3] -> StoreIPAddress(203.0.113.9, src) -> out;
