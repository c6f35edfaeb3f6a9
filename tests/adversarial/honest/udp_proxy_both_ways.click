// Does: the same for UDP, with queues in between.
// Expected: third-party safe, client safe

rw :: IPRewriter(pattern $ADDR 1024-65535 172.16.15.133 53 0 1, drop);
FromNetfront() -> sides :: IPClassifier(udp and src host 172.16.15.133 and src port 53, udp dst port 53);
sides [1] -> Queue(64) -> Unqueue -> [0] rw;
sides [0] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> Queue(64) -> Unqueue -> out;
