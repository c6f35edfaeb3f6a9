// Tries: destinations out of the payload, within a prefix that has two addresses; one of them is not the
//        account's.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Within(SELF ip, NET prefix) {
  if not (transport[8+4] in NET) { drop "not allowed" }
  ip.dst = transport[8+4]
  ip.src = SELF
  emit 0
}

FromNetfront() -> Within($ADDR, 172.16.15.132/31) -> ToNetfront();
