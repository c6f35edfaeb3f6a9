// Tries: a VLAN tag between header and type: the forged packet is looked for behind it.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> StoreIPAddress(203.0.113.9, src) -> VLANEncap(7) -> VLANDecap -> ToNetfront()
