// Tries: an honest packet is mirrored, but what is sent is a frame around its payload.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> Strip(34) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2) -> ToNetfront()
