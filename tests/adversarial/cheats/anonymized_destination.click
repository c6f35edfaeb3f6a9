// Tries: destinations are anonymized: packets go to strangers.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> AnonymizeIPAddr -> StoreIPAddress($ADDR, src) -> ToNetfront();
