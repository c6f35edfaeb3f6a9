// The HTTP optimizer, a bump in the wire. It stands for the operator's own box that inspects and compresses pages: what
// it does to them is not the subject, that they pass is. Here it counts pages on the way to clients, and the rest.

to_access :: ToDevice(access);
to_core :: ToDevice(core);

FromDevice(core) -> seen :: IPClassifier(tcp src port 80, -);
seen [0] -> pages :: Counter -> to_access;
seen [1] -> others :: Counter -> to_access;

FromDevice(access) -> back :: Counter -> to_core;
