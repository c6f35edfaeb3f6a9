// Tries: packets of a source have a timestamp too, which is not yet there when it is asked about.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Late(SELF ip, OWNER ip, VICTIM ip) {
  ip.src = SELF
  if anno.time_s != 0 { ip.src = VICTIM }
  ip.dst = OWNER
  emit 0
}

RatedSource("0123456789", 1) -> UDPIPEncap($ADDR, 7, 172.16.15.133, 7) -> Late($ADDR, 172.16.15.133, 203.0.113.9)
  -> ToNetfront();
