// Does: an emulated link: late and with errors in the payload.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> Strip(42) -> RandomBitErrors(0.0001) -> Unstrip(42)
  -> Queue(100) -> LinkUnqueue(10ms, 1Mbps) -> ToNetfront();
