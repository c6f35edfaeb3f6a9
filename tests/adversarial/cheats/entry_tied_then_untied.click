// Tries: one kind of entry leads from an address to itself, whatever address that is, another from it to a victim;
//        who knows only the first kind thinks that answers go to their senders.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Swap(SELF ip) {
  table noted [u8] -> [ip] capacity 8 idle 60s
  table answers [ip] -> [ip] capacity 64 idle 60s
  has_first, first = noted[0]
  has_second, second = noted[1]
  if transport[8+4] == "SET0" { insert noted[0] = [transport[12+4] * 3u32]; drop "noted" }
  if transport[8+4] == "SET1" { insert noted[1] = [transport[12+4] * 3u32]; drop "noted" }
  if has_first and transport[8+4] == "TIED" { insert answers[first] = [first]; drop "noted" }
  if has_first and has_second and transport[8+4] == "FREE" { insert answers[first] = [second]; drop "noted" }
  known, to = answers[ip.src]
  if not known { drop "nothing noted" }
  ip.dst = to
  ip.src = SELF
  emit 0
}

FromNetfront() -> Swap($ADDR) -> ToNetfront();
