// Tries: one packet says where all later ones go.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Post(SELF ip) {
  table box [u8] -> [ip] capacity 4 idle 60s
  found, to = box[0]
  if transport[8+4] == "DEST" { insert box[0] = [transport[12+4]]; drop "noted" }
  if not found { drop "nobody to send to" }
  ip.dst = to
  ip.src = SELF
  emit 0
}

FromNetfront() -> Post($ADDR) -> ToNetfront();
