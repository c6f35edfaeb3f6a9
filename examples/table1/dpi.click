// DPI
// Looks for a word in the payload, drops packets that have it, and passes the others on unchanged.
FromNetfront() -> evil :: Classifier(54/4556494C, -);
evil [0] -> Discard;
evil [1] -> ToNetfront();
