"""Modules at random: chains of elements that touch headers, marks and annotations, with branches."""

from random import Random

PLACES = ("$ADDR", "172.16.15.133", "203.0.113.9")
PIECES = (
    r"""
IPMirror; IPMirror; IPMirror(false); StoreIPAddress({a}, dst); StoreIPAddress({a}, src);
StoreIPAddress({a}, {n}); StoreIPAddress(dst); StoreIPAddress(src); SetIPAddress({a});
GetIPAddress({n}); GetIPAddress(IP src); GetIPAddress(IP dst); Strip({n}); Strip(14); Unstrip({n});
Unstrip(14); StripIPHeader; UnstripIPHeader; StripToNetworkHeader; CheckIPHeader; CheckIPHeader(14);
MarkIPHeader({n}); MarkIPHeader(14); MarkMACHeader({n}); MarkMACHeader;
UDPIPEncap({a}, 4000, {a}, 4000); UDPIPEncap($ADDR, 4000, DST_ANNO, 4000); IPEncap(4, {a}, {a});
IPEncap(4, $ADDR, DST_ANNO); EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2); Truncate({n}); Truncate(60);
Pad(80); StoreData({n}, \<CB007109>); StoreData({n}, \<45>); Paint({b}, {m}); DecIPTTL; SetIPChecksum;
SetUDPChecksum; ICMPPingResponder; FixIPSrc({a}); IPRewriter(keep 0 0);
IPRewriter(pattern $ADDR 4000-5000 {a} - 0 0); IPRewriter(pattern - - {a} - 0 0); IPFilter(allow udp);
IPFilter(deny frag, allow all); IPFilter(allow src host {a}); Classifier({n}/45); CheckLength(60);
VLANEncap(7); VLANDecap; EtherMirror; SetIPDSCP(5); CheckUDPHeader; CheckTCPHeader;
RadixIPLookup(0/0 {a} 0); LinearIPLookup({a}/32 {a} 0, 0/0 0); Queue(3) -> Unqueue; Null;
TruncateIPPayload(4)
""".replace("\n", " ")
    .strip()
    .split("; ")
)
BRANCHES = (
    """
IPClassifier(udp, -); IPClassifier(src host {a}, -); Classifier({n}/C633, -); Tee; RandomSwitch;
PaintSwitch; CheckLength(60); IPClassifier(ip hl 5, -); IPClassifier(ip unfrag, -);
IPClassifier(dst port 4000, -)
""".replace("\n", " ")
    .strip()
    .split("; ")
)
OFFSETS = (0, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 26, 28, 30, 34, 38, 42)


def piece(random: Random, text: str) -> str:
    """An element of the module, with its places filled in."""
    while "{a}" in text:
        text = text.replace("{a}", random.choice(PLACES), 1)
    text = text.replace("{n}", str(random.choice(OFFSETS))).replace("{b}", str(random.choice((1, 9, 198))))
    return text.replace("{m}", str(random.choice((0, 1, 2, 3, 16, 20))))


def chain(random: Random, most: int) -> str:
    return "".join(f"{piece(random, random.choice(PIECES))} -> " for _ in range(random.randint(0, most)))


def module(random: Random) -> str:
    """The text of a module: something honest at its start more often than not, then anything."""
    honest = random.choice(("IPMirror -> ", "StoreIPAddress(172.16.15.133, dst) -> ", ""))
    parts = [honest, chain(random, 3)]
    random.shuffle(parts)
    text = "FromNetfront() -> " + "".join(parts)
    if random.random() < 0.5:
        return text + "ToNetfront();"
    branch = piece(random, random.choice(BRANCHES))
    join = f"out :: Null -> {chain(random, 2)}ToNetfront();\n"
    return f"{join}{text}b :: {branch};\nb [0] -> {chain(random, 2)}out;\nb [1] -> {chain(random, 2)}out;"
