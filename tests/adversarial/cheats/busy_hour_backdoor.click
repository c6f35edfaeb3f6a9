// Tries: when there is much traffic, the rest of it goes to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> rate :: RatedSplitter(1000);
rate [0] -> out :: ToNetfront();
rate [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
