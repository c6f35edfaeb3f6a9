// Tries: reads the timestamp that packets come with: at some time the door opens.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

elementprogram At(TIME u32, VICTIM ip) {
  if anno.time_s > TIME { ip.dst = VICTIM updating ip.sum }
  emit 0
}

FromNetfront() -> IPMirror -> At(1900000000, 203.0.113.9) -> ToNetfront();
