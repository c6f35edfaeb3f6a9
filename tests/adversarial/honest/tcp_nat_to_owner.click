// Does: tCP to the module goes on to the owner, with its answers.
// Expected: third-party safe, client safe

rw :: TCPRewriter(pattern $ADDR 1024-65535 172.16.15.133 - 0 1, drop);
FromNetfront() -> IPFilter(allow tcp) -> from :: IPClassifier(src host 172.16.15.133, -);
from [1] -> [0] rw;
from [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
