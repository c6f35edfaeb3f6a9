// Tries: when the table has no more room, the door opens.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Crowd(SELF ip, VICTIM ip) {
  table seen [ip] -> [u8] capacity 1000 idle 60s
  ok = insert seen[ip.src] = [1]
  ip.dst = ip.src
  ip.src = SELF
  if not ok { ip.dst = VICTIM }
  emit 0
}

FromNetfront() -> Crowd($ADDR, 203.0.113.9) -> ToNetfront();
