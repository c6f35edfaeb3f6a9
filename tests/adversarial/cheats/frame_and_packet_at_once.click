// Tries: both header marks stand at the same byte. Read as a packet it honestly goes to the owner; but it is
//        sent as a frame, and senders whose address begins like an EtherType (8.0.69.1) put a header of their own
//        into the payload.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Strip(14) -> MarkMACHeader(0) -> MarkIPHeader(0)
  -> ToNetfront()
