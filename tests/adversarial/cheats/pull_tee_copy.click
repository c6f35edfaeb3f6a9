// Tries: what is pulled is honest, the pushed copy is not.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> IPMirror -> Queue -> t :: PullTee -> Unqueue -> out :: ToNetfront();
t [1] -> StoreIPAddress(203.0.113.9, src) -> out;
