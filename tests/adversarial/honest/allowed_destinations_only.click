// Does: the sender may say where to, as long as it is one of the account's addresses.
// Expected: third-party safe, client safe

elementprogram Within(SELF ip, NET prefix) {
  if not has transport[8+4] or not (transport[8+4] in NET) { drop "not allowed" }
  ip.dst = transport[8+4]
  ip.src = SELF
  emit 0
}

FromNetfront() -> IPFilter(allow udp) -> Within($ADDR, 172.16.15.133/32) -> SetIPChecksum -> ToNetfront();
