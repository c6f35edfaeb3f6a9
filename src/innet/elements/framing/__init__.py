"""Elements that work on a packet as a string of bytes: strip, cut, pad, overwrite."""
