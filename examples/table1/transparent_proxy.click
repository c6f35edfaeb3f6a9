// Transparent Proxy
// Takes web traffic of others off the wire for the proxy beside it, and lets all else through.
rw :: IPRewriter(pattern - - 172.16.15.133 3128 0 1, pass 1);
FromNetfront() -> own :: IPClassifier(dst host $ADDR, tcp dst port 80, -);
own [0] -> Discard;
own [1] -> [0] rw;
own [2] -> [1] rw;
rw [0] -> out :: ToNetfront();
rw [1] -> out;
