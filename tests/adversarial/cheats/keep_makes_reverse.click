// Tries: keeps flows to the owner, and sends the reverse of what anyone claims to a victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(keep 0 1, pass 2);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, -);
sides [1] -> StoreIPAddress(172.16.15.133, dst) -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
rw [2] -> StoreIPAddress(203.0.113.9, dst) -> out;
