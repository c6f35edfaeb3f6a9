// IP Router
// Routes packets on by their destination; packets for its own address stay.
FromNetfront() -> Strip(14) -> CheckIPHeader -> rt :: RadixIPLookup($ADDR/32 0, 10.0.0.0/8 1, 0.0.0.0/0 2);
rt [0] -> Discard;
rt [1] -> ttl :: DecIPTTL -> out :: ToNetfront();
rt [2] -> ttl;
