// Tries: the source of an earlier flow is where packets of everyone go: strangers' answers reach a host that
//        wrote once, long ago, and one that never did.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPRewriter(pattern $ADDR - 172.16.15.133 - 0 1, pattern - - 203.0.113.9 - 0 1);
FromNetfront() -> kinds :: IPClassifier(src port 7, -);
kinds [1] -> [0] rw;
kinds [0] -> IPMirror -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
