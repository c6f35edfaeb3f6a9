// Flow meter
// Counts packets by class, and hands them on to the owner.
FromNetfront() -> classes :: IPClassifier(tcp, udp, -);
classes [0] -> Counter -> own :: StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
classes [1] -> Counter -> own;
classes [2] -> Counter -> own;
