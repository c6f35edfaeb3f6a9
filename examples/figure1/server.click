// The server of Figure 2a: it sends each packet back where it came from
FromDevice(eth) -> Classifier(12/0800) -> CheckIPHeader(14) -> IPFilter(allow dst host 198.51.100.9) -> IPMirror -> ToDevice(eth);
