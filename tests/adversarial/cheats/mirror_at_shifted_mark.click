// Tries: the network mark stands four bytes too late, so that the mirror swaps the destination with what
//        follows the header.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> shifted :: MarkIPHeader(18) -> IPMirror -> ToNetfront()
