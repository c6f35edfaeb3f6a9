// NAT
// Translates the addresses of a site behind it to its own, and the answers back.
rw :: IPRewriter(pattern $ADDR 1024-65535 - - 0 1, drop);
FromNetfront() -> sides :: IPClassifier(src net 10.0.0.0/8, dst host $ADDR);
sides [0] -> [0] rw;
sides [1] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
