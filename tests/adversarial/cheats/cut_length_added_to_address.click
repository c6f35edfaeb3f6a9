// Tries: how much was cut off a packet is added to the address it goes to.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram Aim(SELF ip) { ip.dst = ip.src + anno.extra_length; ip.src = SELF; emit 0 }

FromNetfront() -> Truncate(100) -> Aim($ADDR) -> ToNetfront();
