// Does: echo requests are passed on to the owner, replies come back.
// Expected: third-party safe, client safe

rw :: ICMPPingRewriter(pattern $ADDR - 172.16.15.133 - 0 1, drop);
FromNetfront() -> kind :: IPClassifier(icmp echo, icmp echo-reply);
kind [0] -> [0] rw;
kind [1] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
