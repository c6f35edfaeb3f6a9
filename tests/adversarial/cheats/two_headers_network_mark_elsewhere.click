// Tries: the network mark stands at the payload: addresses are set there, the header that is sent is
//        another.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> MarkIPHeader(42) -> StoreIPAddress($ADDR, src) -> StoreIPAddress(172.16.15.133, dst)
  -> Strip(20) -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2) -> ToNetfront()
