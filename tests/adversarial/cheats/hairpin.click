// Tries: a translator whose inside is its outside: each flow's reverse is looked up for packets of anybody.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 - 0 1);
FromNetfront() -> rw;
rw [0] -> out :: ToNetfront();
rw [1] -> StoreIPAddress(203.0.113.9, dst) -> out;
