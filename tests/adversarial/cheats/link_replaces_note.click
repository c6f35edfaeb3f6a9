// Tries: the source is kept as a time over an emulated link, which keeps its own times there.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Hide(OWNER ip) { anno.time_s = ip.src; ip.src = 10.0.0.1; ip.dst = OWNER; emit 0 }
elementprogram Show { ip.src = anno.time_s; emit 0 }

FromNetfront() -> Hide(172.16.15.133) -> Queue -> LinkUnqueue(1ms, 1Mbps) -> Show -> ToNetfront();
