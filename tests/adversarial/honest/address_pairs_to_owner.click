// Does: translation of addresses alone, both ways.
// Expected: third-party safe, client safe

rw :: IPAddrPairRewriter(pattern $ADDR 172.16.15.133 0 1, drop);
FromNetfront() -> from :: IPClassifier(src host 172.16.15.133, -);
from [1] -> [0] rw;
from [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
