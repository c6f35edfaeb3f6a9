// Does: looks at the payload and passes packets on unchanged: in-path use.
// Expected: third-party refused, client refused

FromNetfront() -> evil :: Classifier(54/4556494C, -);
evil [0] -> Discard;
evil [1] -> ToNetfront();
