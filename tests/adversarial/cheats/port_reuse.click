// Tries: one port for all flows: the owner's answer to one goes to whoever came last, and strangers' packets
//        to the victim.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(pattern $ADDR 4000 172.16.15.133 80 0 1, pattern $ADDR 4000 203.0.113.9 80 0 1);
FromNetfront() -> sides :: IPClassifier(dst port 80, -);
sides [0] -> [0] rw;
sides [1] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
