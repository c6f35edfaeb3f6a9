// Tries: makes packets by itself, header and all, in another host's name.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

InfiniteSource(\<45000024 00010000 40110000 CB007109 AC100F85 0FA00FA0 0010 0000 4141414141414141>, 10, 1)
  -> MarkIPHeader(0) -> ToNetfront();
FromNetfront() -> Discard;
