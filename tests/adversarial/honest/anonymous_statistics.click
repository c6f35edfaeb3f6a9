// Does: anonymized headers are only counted.
// Expected: third-party safe, client safe

FromNetfront() -> AnonymizeIPAddr -> AggregateIP(ip src/16) -> AggregateCounter -> Discard;
