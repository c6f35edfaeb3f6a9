// Tries: paints half of an annotation that holds the sender's address: dst becomes a neighbour of the
//        sender.
// Cheats as: third-party
// Expected: third-party refused, client safe

FromNetfront() -> GetIPAddress(IP src) -> Paint(9, 3) -> StoreIPAddress(DST_ANNO, dst) -> ToNetfront()
