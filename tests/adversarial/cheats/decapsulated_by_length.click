// Tries: a header without options, and its Ethernet header, are cut away in two steps: what remains is a
//        packet.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> EtherDecap -> Strip(20) -> CheckIPHeader -> ToNetfront();
