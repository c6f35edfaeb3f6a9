// Tries: a translator of addresses alone sends each flow to a victim, and takes what the victim answers back.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

rw :: IPAddrPairRewriter(pattern $ADDR 203.0.113.9 0 1, drop);
FromNetfront() -> from :: IPClassifier(src host 203.0.113.9, -);
from [1] -> [0] rw;
from [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
