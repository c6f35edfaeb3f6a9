// Does: two queues, the first of which goes first.
// Expected: third-party safe, client safe

FromNetfront() -> StoreIPAddress(172.16.15.133, dst) -> kind :: IPClassifier(ip dscp 46, -);
kind [0] -> Queue -> [0] order :: PrioSched;
kind [1] -> Queue -> [1] order;
order -> RatedUnqueue(1000) -> ToNetfront();
