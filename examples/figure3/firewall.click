// Stateful firewall and address translation, a bump in the wire: data starts at the Ethernet header throughout.
//
// Outwards: platform 3's packets pass unchanged; clients' TCP and UDP leave as $PUBLIC; nothing else passes.
// Inwards:  packets for platform 3's pool pass unchanged; answers to clients are translated back; nothing else passes.
//           Packets that claim a source inside, or a private one, never enter (ingress filtering, RFC 2827).
// Fragments and ICMP of clients are not translated, and so not passed.

define($PUBLIC 192.0.2.1, $POOL 198.51.100.0/24, $CLIENTS 172.16.0.0/16);

nat :: IPRewriter(pattern $PUBLIC 1024-65535 - - 0 1, drop);

to_outside :: ToDevice(outside);
to_inside :: ToDevice(inside);

FromDevice(inside)
  -> Classifier(12/0800)
  -> CheckIPHeader(14)
  -> leaving :: IPFilter(0 src net $POOL,
                         1 src net $CLIENTS and (tcp or udp),
                         deny all);
leaving [0] -> to_outside;
leaving [1] -> [0] nat;
nat [0] -> to_outside;

FromDevice(outside)
  -> Classifier(12/0800)
  -> CheckIPHeader(14)
  -> arriving :: IPFilter(deny src net 10.0.0.0/8 or src net 172.16.0.0/12 or src net 192.168.0.0/16
                            or src net 100.64.0.0/10 or src net 192.0.2.0/24 or src net $POOL,
                          0 dst net $POOL,
                          1 dst host $PUBLIC and (tcp or udp),
                          deny all);
arriving [0] -> to_inside;
arriving [1] -> [1] nat;
nat [1] -> to_inside;
