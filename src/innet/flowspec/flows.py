"""The primitives of a flow, pcap-filter(7): `tcp`, `src host A`, `dst port 80`, `net 10.0.0.0/8`, `ip proto 47`, ...

Their meaning is libpcap's on an IPv4 packet. A port test holds only for first fragments of TCP, UDP and SCTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from innet import ir
from innet.diagnostics import Span, suggest
from innet.flowspec import names as nm
from innet.flowspec import predicate as pr
from innet.flowspec import tagged
from innet.flowspec.arithmetic import LENGTH
from innet.flowspec.predicate import Direction, Predicate, Relation
from innet.flowspec.text import Findings, quoted
from innet.flowspec.words import AND, NOT, OR, ReadError, Words
from innet.packet import names as known
from innet.packet.headers import ETHERTYPE_IPV6
from innet.records import quick

TYPES = ("host", "net", "port", "portrange", "proto")
PORT_PROTOCOLS: Mapping[str | None, tuple[int, ...]] = {
    None: (6, 17, 132), "tcp": (6,), "udp": (17,), "sctp": (132,),
}  # fmt: skip
_OTHER_LAYERS = """
    ip6 icmp6 arp rarp decnet atalk aarp lat moprc mopdl stp ipx netbeui iso clnp esis isis mpls pppoed
    pppoes geneve vxlan wlan llc lane metac bcc oam oamf4 oamf4sc oamf4ec sc ilmic connectmsg
    metaconnect vpi vci fddi tr ppp slip gateway inbound outbound ifname ifindex rnr rulenum reason rset
    srnr subrulenum action protochain type subtype dir addr1 addr2 addr3 addr4 radio
"""
OTHER_LAYERS = frozenset(_OTHER_LAYERS.split())
HEADS = ("src", "dst", *TYPES)
KEYWORDS = (
    *HEADS,
    *nm.FLOW_PROTOCOLS,
    "ip",
    "ether",
    "vlan",
    "less",
    "greater",
    "len",
    "and",
    "or",
    "not",
    "mask",
)
EXPECTED = "a primitive: 'tcp', 'host A', 'src net A/N', 'dst port N', 'tcp[13] & 2 != 0', ..."
IP_BITS = (1 << 32) - 1
STATION_GROUPS: Mapping[str, Predicate] = {
    "broadcast": pr.equal(pr.named("ether.dst"), (1 << 48) - 1),
    "multicast": pr.equal(ir.Field(ir.Mark.MAC, 7, 1), 1),
}
MULTICAST_BYTE = ir.Field(ir.Mark.NET, 128, 8)


@quick
@dataclass(frozen=True, slots=True)
class Qualifiers:
    """What the values after it are: protocol, direction, type; None where not given."""

    protocol: str | None = None
    direction: Direction | None = None
    type: str | None = None

    def __str__(self) -> str:
        direction = self.direction.value if self.direction else None
        return " ".join(word for word in (self.protocol, direction, self.type) if word)


class Primitives:
    """Reads primitives from `words`, and remembers the qualifiers for values that come without."""

    def __init__(self, words: Words, findings: Findings, variables: Mapping[str, int]) -> None:
        self.words, self.findings, self.variables = words, findings, variables
        self.previous: Qualifiers | None = None
        self.tags = 0
        """How often `vlan` was read: what follows is about the packet behind so many tags."""
        self.unknown: dict[str, None] = {}

    def fail(self, code: str, message: str, span: Span, expected: str = "", help: str = "") -> ReadError:
        self.findings.error(code, message, span, expected, help)
        return ReadError()

    def forget(self) -> None:
        """What was read last has no qualifiers to take over."""
        self.previous = None

    def is_value(self) -> bool:
        """Whether a value without qualifiers may stand here."""
        return self.previous is not None

    def read(self) -> Predicate | Qualifiers:
        """The primitive at the cursor; its qualifiers, if a parenthesis with values, or `not`, follows them."""
        words, word, after = self.words, self.words.peek(), self.words.peek(1)
        if word in ("ip", "ether", "link", *nm.FLOW_PROTOCOLS) and after in HEADS:
            words.take()
            return self.qualified(Qualifiers("ether" if word == "link" else word))
        if word in HEADS:
            return self.qualified(Qualifiers())
        if self.previous is not None and self.may_be_value(word):
            return self.value(self.previous)
        self.forget()
        return self.unqualified(word)

    def may_be_value(self, word: str) -> bool:
        """Whether `word` looks like a value of the qualifiers remembered."""
        named = (
            word in known.PORTS
            if self.previous and self.previous.type != "proto"
            else word in known.PROTOCOLS and word not in KEYWORDS
        )
        return named or word[:1].isdigit() or word[:1] in ("$", "\\") or nm.ether(word) is not None

    def unqualified(self, word: str) -> Predicate:
        """A primitive that is complete in itself."""
        words, start = self.words, self.words.at
        if word in nm.FLOW_PROTOCOLS:
            words.take()
            return pr.equal(pr.IP_PROTO, nm.FLOW_PROTOCOLS[word])
        if word == "ip":
            words.take()
            if words.accept("multicast"):  # libpcap compares the first byte of the destination
                return pr.compare(MULTICAST_BYTE, Relation.GE, 224)
            return pr.equal(pr.IP_VERS, 4)
        if word in ("broadcast", "multicast") or (
            word in ("ether", "link") and words.peek(1) in ("broadcast", "multicast")
        ):
            words.take()
            group = word if word in ("broadcast", "multicast") else words.take()
            return STATION_GROUPS[group]
        if word == "ip6" and words.peek(1) not in (*HEADS, "[", "protochain", "multicast"):
            words.take()
            return (
                pr.equal(tagged.ether_type(self.tags), ETHERTYPE_IPV6)
                if self.tags
                else pr.equal(pr.IP_VERS, 6)
            )
        if word in ("less", "greater"):
            words.take()
            length = nm.number(words.peek())
            if length is None or length >= 1 << 32:
                raise self.fail("F151", f"{quoted(words.peek())} is not a length", words.here(), "bytes")
            words.take()
            if length >= 1 << 16:
                return pr.Truth(word == "less")
            relation = Relation.LE if word == "less" else Relation.GE
            return pr.Comparison(LENGTH, relation, ir.Const(length, 16))
        if word == "vlan":
            return self.vlan(start)
        if word in OTHER_LAYERS or word in ("ether", "link"):
            raise self.fail(
                "F149", f"flows are about IPv4 packets: {quoted(word)} cannot be told from one", words.here(),
                "ip, tcp, udp, icmp, host, net, port, ...",
            )  # fmt: skip
        raise self.unknown_word(word)

    def vlan(self, start: int) -> Predicate:
        """`vlan`, `vlan 5`."""
        words = self.words
        words.take()
        given = nm.number(words.peek())
        if given is not None:
            if given > tagged.MAX_ID:
                raise self.fail("F157", f"VLAN {words.peek()} is out of range", words.here(), "0 to 4095")
            words.take()
        self.findings.warn(
            "F152",
            "only frames between the operator's own boxes have VLAN tags: of all other packets this is false",
            words.since(start),
        )
        self.tags += 1
        return tagged.tag(given, self.tags - 1)

    def unknown_word(self, word: str) -> ReadError:
        span = self.words.here()
        if nm.address(word) is not None:
            return self.fail(
                "F153", f"it is not said what {quoted(word)} is", span, EXPECTED, f"write `host {word}`"
            )
        if nm.number(word) is not None or word in known.PORTS:
            return self.fail(
                "F153", f"it is not said what {quoted(word)} is", span, EXPECTED, f"write `port {word}`"
            )
        if word in ("", ")", *AND, *OR):
            near = f"before {quoted(word)}" if word else "at the end"
            return self.fail("F154", f"a primitive is missing {near}", span, EXPECTED)
        near = suggest(word, KEYWORDS)
        return self.fail(
            "F154",
            f"{quoted(word)} is not a keyword of flows",
            span,
            EXPECTED,
            f"did you mean '{near}'?" if near else "",
        )

    def qualified(self, q: Qualifiers) -> Predicate | Qualifiers:
        """Direction and type, which stand at the cursor, and their value."""
        words, start = self.words, self.words.at
        if words.peek() in ("src", "dst"):
            first, other = words.peek(), words.peek(2)
            if words.peek(1) in (*AND, *OR) and other in ("src", "dst") and other != first:
                q = replace(q, direction=Direction.AND if words.peek(1) in AND else Direction.OR)
                words.at += 3
            else:
                q = replace(q, direction=Direction.SRC if words.take() == "src" else Direction.DST)
        if words.peek() in TYPES:
            q = replace(q, type=words.take())
        span = words.since(start)
        if q.type == "proto" and (q.direction is not None or q.protocol not in (None, "ip", "ether")):
            raise self.fail("F155", f"{quoted(str(q))} makes no sense", span, "'proto' or 'ip proto'")
        if q.type in ("port", "portrange") and q.protocol not in PORT_PROTOCOLS:
            raise self.fail("F155", f"{q.protocol} has no ports", span, "tcp, udp, sctp or no protocol")
        if q.type in ("host", "net", None) and q.protocol not in (None, "ip", "ether"):
            rest = str(replace(q, protocol=None))
            raise self.fail(
                "F155",
                f"'{q.protocol}' cannot qualify an address",
                span,
                help=f"write `{q.protocol} and {rest} {words.peek()}`",
            )
        if q.type == "net" and q.protocol == "ether":
            raise self.fail("F155", "Ethernet has no nets", span, "'host'")
        self.previous = q
        return q if words.peek() in ("(", *NOT) else self.value(q)

    def value(self, q: Qualifiers) -> Predicate:
        """The predicate of `q` with the value at the cursor."""
        self.previous = q
        if q.type == "proto":
            return self.protocol(q)
        if q.type == "port":
            low = high = self.port(self.words.peek())
            self.words.take()
            return self.ports(q, low, high)
        if q.type == "portrange":
            return self.ports(q, *self.range())
        if q.protocol == "ether":
            station = nm.ether(self.words.peek())
            if station is None:
                raise self.missing("an Ethernet address such as 02:00:00:00:00:01")
            self.words.take()
            source, destination = pr.named("ether.src"), pr.named("ether.dst")
            return either(q, pr.equal(source, station), pr.equal(destination, station))
        address, mask = self.network(q)
        return either(
            q, pr.Test(pr.IP_SRC, mask, Relation.EQ, address), pr.Test(pr.IP_DST, mask, Relation.EQ, address)
        )

    def missing(self, expected: str, help: str = "") -> ReadError:
        word = self.words.peek()
        what = f"{quoted(word)} does not fit here" if word else "the value is missing"
        return self.fail("F156", what, self.words.here(), expected, help)

    def ports(self, q: Qualifiers, low: int, high: int) -> Predicate:
        def inside(field: ir.Field) -> Predicate:
            if low == high:
                return pr.equal(field, low)
            return pr.conjunction((pr.compare(field, Relation.GE, low), pr.compare(field, Relation.LE, high)))

        test = either(q, inside(pr.SPORT), inside(pr.DPORT))
        return pr.conjunction((pr.protocol(PORT_PROTOCOLS[q.protocol]), pr.FIRST_FRAGMENT, test))

    def port(self, word: str) -> int:
        value = nm.number(word)
        if value is None:
            value = known.PORTS.get(word)
        if value is None:
            near = suggest(word, known.PORTS) if word else ""
            raise self.missing(
                "a port: a number up to 65535 or a service name", f"did you mean '{near}'?" if near else ""
            )
        if value > 65535:
            raise self.fail("F157", f"port {word} is out of range", self.words.here(), "0 to 65535")
        return value

    def range(self) -> tuple[int, int]:
        word = self.words.peek()
        for at, character in enumerate(word[:80]):
            if character == "-" and 0 < at < len(word) - 1:
                parts = word[:at], word[at + 1 :]
                if all(nm.number(p) is not None or p in known.PORTS for p in parts):
                    first, second = (self.port(part) for part in parts)
                    self.words.take()
                    return min(first, second), max(first, second)
        if nm.number(word) is not None or word in known.PORTS:
            port = self.port(word)
            self.words.take()
            return port, port
        raise self.missing("a range of ports such as 6000-6008")

    def protocol(self, q: Qualifiers) -> Predicate:
        words = self.words
        words.accept("\\")
        word = words.peek()
        if q.protocol == "ether":
            value = {"ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD, "rarp": 0x8035}.get(word, nm.number(word))
            if value is None or value > 0xFFFF:
                raise self.missing("an Ethernet type: a number up to 65535, ip, ip6, arp or rarp")
            words.take()
            return pr.equal(tagged.ether_type(self.tags), value)
        value = nm.FLOW_PROTOCOLS.get(word, known.PROTOCOLS.get(word, nm.number(word)))
        if value is None:
            raise self.missing("a protocol: a number up to 255 or a name")
        if value > 255:
            raise self.fail("F157", f"protocol {word} is out of range", words.here(), "0 to 255")
        words.take()
        return pr.equal(pr.IP_PROTO, value)

    def network(self, q: Qualifiers) -> tuple[int, int]:
        """Address and mask: `A`, and unless it is a host `A/N`, `A mask M`; for a net `10.1` as well."""
        words, start = self.words, self.words.at
        word = words.peek()
        parts = word.split(".") if q.type == "net" and len(word) < 16 else []
        if word.startswith("$"):
            address, given = self.variable(word), 4
        elif (exact := nm.address(word)) is not None:
            address, given = exact, 4
        elif (
            0 < len(parts) < 4
            and (partial := nm.address(".".join(parts + ["0"] * (4 - len(parts))))) is not None
        ):
            address, given = partial, len(parts)
        else:
            expected = "a network such as 10.0.0.0/8" if q.type == "net" else "an IPv4 address"
            raise self.missing(
                expected, "names are not looked up here: write the address" if word.isalpha() else ""
            )
        words.take()
        mask = nm.length_mask(8 * given)
        if words.peek() == "/":
            length = nm.number(words.peek(1))
            if q.type == "host" or length is None or length > 32:
                words.take()
                expected = "nothing: use 'net' for a network" if q.type == "host" else "a length up to 32"
                raise self.fail("F158", "a prefix length does not fit here", words.since(start), expected)
            words.at += 2
            mask = nm.length_mask(length)
        elif words.peek() == "mask" and q.type != "host":
            given_mask = nm.address(words.peek(1))
            if given_mask is None:
                raise self.fail("F158", "'mask' without a mask", words.here(), "a mask such as 255.255.0.0")
            words.at += 2
            mask = given_mask
        if address & ~mask:
            right = nm.prefix_text(address & mask, mask)
            raise self.fail(
                "F158", "the address has bits outside its mask", words.since(start), help=f"write `{right}`"
            )
        return address, mask

    def variable(self, word: str) -> int:
        """The address of `$NAME`; 0.0.0.0, and the name noted, if it is not known yet."""
        name = word[1:]
        if not name:
            raise self.missing("a name behind '$', as in $ADDR")
        if name not in self.variables:
            self.unknown[name] = None
        return self.variables.get(name, 0)


def either(q: Qualifiers, source: Predicate, destination: Predicate) -> Predicate:
    """Source, destination, one of them (the rule if nothing is said) or both."""
    match q.direction:
        case Direction.SRC:
            return source
        case Direction.DST:
            return destination
        case Direction.AND:
            return pr.conjunction((source, destination))
        case _:
            return pr.disjunction((source, destination))
