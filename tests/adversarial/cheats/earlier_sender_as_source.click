// Tries: answers in the name of whoever came before.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

elementprogram Blame {
  table box [u8] -> [ip] capacity 4 idle 60s
  found, before = box[0]
  insert box[0] = [ip.src]
  if not found { drop "nobody to blame" }
  ip.dst = ip.src
  ip.src = before
  emit 0
}

FromNetfront() -> Blame -> ToNetfront();
