// Tries: hands packets to the owner, and a copy to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> copies :: Tee;
copies [0] -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
copies [1] -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront();
