// Tries: random bytes: some of them are packets.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

RandomSource(60) -> EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> ToNetfront();
