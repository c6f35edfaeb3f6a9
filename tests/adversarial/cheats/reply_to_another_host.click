// Tries: what the owner answers goes to the right host, and a copy to the wrong one.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 80 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133, -);
sides [1] -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> ToNetfront();
rw [1] -> copies :: Tee -> ToNetfront();
copies [1] -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront();
