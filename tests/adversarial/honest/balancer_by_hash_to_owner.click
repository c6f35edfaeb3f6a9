// Does: the same, but one sender always comes to the same service.
// Expected: third-party safe, client safe

servers :: SourceIPHashMapper(16 0xbadbeef, $ADDR - 172.16.15.133 8001 0 1 1, $ADDR - 172.16.15.133 8002 0 1 2);
rw :: IPRewriter(servers, drop);
FromNetfront() -> from :: IPClassifier(src host 172.16.15.133, -);
from [1] -> [0] rw;
from [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
