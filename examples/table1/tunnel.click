// Tunnel
// What the owner wraps leaves in the name of the module; what comes back is wrapped for the owner.
FromNetfront() -> sides :: IPClassifier(src host 172.16.15.133 and ip proto 4, -);
sides [0] -> StripIPHeader -> CheckIPHeader -> StoreIPAddress($ADDR, src) -> out :: ToNetfront();
sides [1] -> Strip(14) -> IPEncap(4, $ADDR, 172.16.15.133) -> out;
