// Tries: a routing table's gateway becomes the destination: the annotation leaks into the header.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> RadixIPLookup(0/0 203.0.113.9 0) -> Strip(14)
  -> IPEncap(4, $ADDR, DST_ANNO) -> ToNetfront()
