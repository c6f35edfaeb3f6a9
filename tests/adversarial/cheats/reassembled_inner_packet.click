// Tries: a packet in a packet, in fragments: what comes out of them is sent as it is.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPReassembler -> IPFilter(allow ip proto 4) -> Strip(14) -> StripIPHeader -> CheckIPHeader -> ToNetfront();
