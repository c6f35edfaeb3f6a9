// Tries: sends to everyone on the link.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> StoreIPAddress($ADDR, src) -> StoreIPAddress(255.255.255.255, dst) -> ToNetfront()
