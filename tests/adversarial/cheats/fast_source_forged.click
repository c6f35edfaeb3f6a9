// Tries: a packet generator in the name of another host.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FastUDPSource(10, 100, 60, 1:1:1:1:1:1, 203.0.113.9, 1, 2:2:2:2:2:2, 172.16.15.133, 2)
  -> Strip(14) -> CheckIPHeader -> ToNetfront();
