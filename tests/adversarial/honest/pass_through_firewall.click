// Does: a firewall for traffic of others: no module gets any.
// Expected: third-party refused, client refused

FromNetfront() -> IPFilter(deny tcp dst port 23, allow all) -> ToNetfront()
