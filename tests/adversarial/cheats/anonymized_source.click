// Tries: sources are anonymized, that is: forged.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> AnonymizeIPAddr -> ToNetfront();
