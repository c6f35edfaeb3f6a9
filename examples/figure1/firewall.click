// The stateful firewall of Figure 2a: UDP may leave, and what belongs to it may come in
flows :: IPRewriter(keep 0 1, drop);
FromDevice(inside) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow udp) -> [0] flows;
FromDevice(outside) -> Classifier(12/0800) -> CheckIPHeader(14) -> [1] flows;
flows [0] -> ToDevice(outside);
flows [1] -> ToDevice(inside);
