// Tries: an address lies in the table in cipher, and the key comes later.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Post(SELF ip) {
  table box [u8] -> [ip] capacity 4 idle 60s
  found, secret = box[0]
  insert box[0] = [ip.src ^ transport[12+4]]
  if not found { drop "nobody to send to" }
  ip.dst = secret ^ transport[12+4]
  ip.src = SELF
  emit 0
}

FromNetfront() -> Post($ADDR) -> ToNetfront();
