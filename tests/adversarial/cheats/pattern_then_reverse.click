// Tries: the first input makes the flow toward a victim, the second carries its reverse.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(pattern $ADDR 1024-65535 203.0.113.9 53 0 1, pattern - - 203.0.113.9 53 1 0);
FromNetfront() -> sides :: IPClassifier(src host 203.0.113.9, -);
sides [1] -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> ToNetfront();
rw [1] -> StoreIPAddress(203.0.113.9, dst) -> ToNetfront();
