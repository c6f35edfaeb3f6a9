// Tries: a source that ends calls the handler.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> way :: Switch(0);
way [0] -> out :: ToNetfront();
way [1] -> StoreIPAddress(203.0.113.9, src) -> out;
InfiniteSource(LIMIT 5, END_CALL way.switch 1) -> Discard;
