// Tries: the copy leaves before its source is put right.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Early(SELF ip, VICTIM ip) {
  outputs 2
  ip.dst = ip.src
  ip.src = VICTIM
  copy 1
  ip.src = SELF
  emit 0
}

FromNetfront() -> early :: Early($ADDR, 203.0.113.9);
early [0] -> out :: ToNetfront();
early [1] -> out;
