// Tries: takes the outer header away and puts its own address into the inner one: an open relay.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPDecap -> CheckIPHeader -> StoreIPAddress($ADDR, src) -> ToNetfront();
