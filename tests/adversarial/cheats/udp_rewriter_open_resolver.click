// Tries: queries of anybody go to a resolver of somebody else, from the module's address.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPFilter(allow udp dst port 53) -> UDPRewriter(pattern $ADDR 1024-65535 203.0.113.9 53 0 0)
  -> ToNetfront();
