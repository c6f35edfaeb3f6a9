// Does: hands everything to a server that is not the account's: clients may, third parties may not.
// Expected: third-party refused, client safe

FromNetfront() -> StoreIPAddress(203.0.113.80, dst) -> ToNetfront()
