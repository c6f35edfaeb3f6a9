// Does: puts the sender's address together from pieces that it was taken apart into.
// Expected: third-party safe, client safe

elementprogram Pieces(SELF ip) {
  net[128:7] = net[96:7]
  net[135:25] = net[103:25]
  ip.src = SELF
  emit 0
}

FromNetfront() -> Pieces($ADDR) -> SetIPChecksum -> ToNetfront();
