// Does: fragments are put together, filtered by port and sent on.
// Expected: third-party safe, client safe

FromNetfront() -> IPReassembler -> IPFilter(allow udp dst port 53) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
