// Tries: a number that is always zero, but not to proofs, is added to the address.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Zero(SELF ip) {
  zero = u32(ip.tos) * 0u32 unfollowed
  ip.dst = ip.src + zero
  ip.src = SELF
  emit 0
}

FromNetfront() -> Zero($ADDR) -> ToNetfront();
