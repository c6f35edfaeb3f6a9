// Reverse proxy (stock)
// Asks the origin server in its own name, and hands the answers back to whom they belong.
rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 80 0 1, drop);
FromNetfront() -> sides :: IPClassifier(tcp and src host 172.16.15.133, tcp);
sides [1] -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
