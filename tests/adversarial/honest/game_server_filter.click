// Does: a game's server is shown only packets with its token, and not too many of one sender.
// Expected: third-party safe, client safe

elementprogram GameFilter(TOKEN bytes[4], PORT port, LIMIT u32 = 200) {
  table senders [ip] -> [u64, u32] capacity 4096 idle 10s
  if ip.proto != 17 or udp.dport != PORT { drop "not for the game" }
  if not has transport[8+4] or transport[8+4] != TOKEN { count wrong; drop "wrong token" }
  t = now
  known, since, n = senders[ip.src]
  if not known or t - since > 1000000000 { since = t; n = 0 }
  if n >= LIMIT { drop "too fast" }
  insert senders[ip.src] = [since, n + 1]
  emit 0
}

FromNetfront() -> GameFilter("GS01", 7777) -> StoreIPAddress(172.16.15.133, dst) -> ToNetfront();
