// Tries: changes one byte of the destination: a neighbour of the sender gets the answer.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> IPMirror -> StoreData(33, \<09>) -> ToNetfront()
