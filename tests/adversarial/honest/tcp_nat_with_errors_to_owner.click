// Does: the same with ICMP errors about its connections.
// Expected: third-party safe, client safe

rw :: TCPRewriter(pattern $ADDR 1024-65535 172.16.15.133 - 0 1, drop);
errors :: ICMPRewriter(rw);
FromNetfront() -> kind :: IPClassifier(icmp, tcp and src host 172.16.15.133, tcp);
kind [0] -> errors -> out :: ToNetfront();
kind [1] -> [1] rw;
kind [2] -> [0] rw;
rw [0] -> out;
rw [1] -> out;
