// Firewall
// Filters, and hands on to the owner.
FromNetfront() -> IPFilter(deny tcp dst port 23, deny ip frag, allow all) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront()
