// The core: what comes down and has TCP source port 80 (web pages) goes the bottom way, past the HTTP optimizer; all
// else goes the top way. What comes up from either side goes on up. Frames pass unchanged.
//
// IPClassifier, not Classifier(23/06 34/0050): the port's place depends on the IP header's length, and a page sent
// with an IP option must not slip past the optimizer.

to_core :: ToDevice(up);
to_top :: ToDevice(top);
to_bottom :: ToDevice(bottom);

FromDevice(up) -> Classifier(12/0800) -> way :: IPClassifier(tcp src port 80, -);
way [0] -> to_bottom;
way [1] -> to_top;

FromDevice(top) -> to_core;
FromDevice(bottom) -> to_core;
