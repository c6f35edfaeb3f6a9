// Tries: a tunnel to the owner whose outer source is written anew when it runs, by a script in a compound
//        element.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

elementclass Late { FromNetfront() -> Strip(14) -> e :: UDPIPEncap($ADDR, 4000, 172.16.15.133, 4000) -> output;
  Script(wait 5s, write e.src 203.0.113.9) }
Late -> ToNetfront();
