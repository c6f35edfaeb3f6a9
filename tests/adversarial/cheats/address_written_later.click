// Tries: the destination is the owner's, until a script writes another.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> to :: SetIPAddress(172.16.15.133) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront();
Script(wait 60s, write to.addr 203.0.113.9);
