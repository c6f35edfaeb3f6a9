// Does: packets are cut for a link with a small MTU.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> IPFragmenter(576) -> ToNetfront();
