// Does: large TCP segments are cut.
// Expected: third-party safe, client safe

FromNetfront() -> IPFilter(allow tcp) -> StoreIPAddress(172.16.15.133, dst) -> TCPFragmenter(MTU 1400) -> ToNetfront();
