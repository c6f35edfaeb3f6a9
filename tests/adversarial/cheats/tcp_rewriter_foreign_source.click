// Tries: a TCP proxy that shows another host's address to the server.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPFilter(allow tcp) -> TCPRewriter(pattern 203.0.113.9 1024-65535 172.16.15.133 80 0 0)
  -> ToNetfront();
