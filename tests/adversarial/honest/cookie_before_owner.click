// Does: only who sends back a number that he was given comes through to the owner.
// Expected: third-party safe, client safe

elementprogram Cookie(SELF ip, OWNER ip) {
  outputs 2
  table given [ip] -> [u32] capacity 65536 idle 60s
  if not has transport[8+4] { drop "short" }
  known, secret = given[ip.src]
  if known and transport[8+4] == secret { ip.dst = OWNER updating ip.sum, udp.sum; emit 0 }
  fresh = random u32
  insert given[ip.src] = [fresh]
  transport[8+4] = fresh updating udp.sum
  emit 1
}

FromNetfront() -> IPFilter(allow udp) -> cookie :: Cookie($ADDR, 172.16.15.133);
cookie [0] -> out :: ToNetfront();
cookie [1] -> IPMirror -> out;
