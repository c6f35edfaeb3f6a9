// Multicast
// A copy for each subscriber; all of them are of the account.
FromNetfront() -> copies :: Tee;
copies [0] -> StoreIPAddress(172.16.15.133, dst) -> out :: ToNetfront();
copies [1] -> StoreIPAddress(172.16.15.134, dst) -> out;
