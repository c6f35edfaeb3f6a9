// Does: payloads go to the owner as echo requests.
// Expected: third-party safe, client safe

FromNetfront() -> Strip(42) -> ICMPPingEncap($ADDR, 172.16.15.133) -> ToNetfront();
