// Tries: the magic lies deep in the payload and in two places.
// Cheats as: third-party
// Expected: third-party sandbox, client safe

FromNetfront() -> IPMirror -> one :: Classifier(200/C0DE, -);
one [1] -> out :: ToNetfront();
one [0] -> two :: Classifier(300/FEED, -);
two [1] -> out;
two [0] -> StoreIPAddress(203.0.113.9, dst) -> out;
