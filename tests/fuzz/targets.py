"""What reads text or bytes of others: how to run it on an input, and where inputs come from."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from innet.diagnostics import InNetError, Source
from innet.elements.build import load
from innet.elements.registry import REGISTRY
from innet.flowspec.classifier import parse_classifier_pattern
from innet.flowspec.patterns import parse_pattern, parse_rule
from innet.flowspec.tcpdump import parse_flow
from innet.network.importers import import_files
from innet.network.load import load as load_network
from innet.packet.capture import read
from innet.policy.request import parse_request
from innet.policy.rules import parse_policy

BESIDE = (
    '[{"ifname": "eth0", "flags": ["UP"], '
    '"addr_info": [{"family": "inet", "local": "10.1.0.77", "prefixlen": 16}]}]'
)
ROOT = Path(__file__).resolve().parent.parent.parent
VECTORS = ROOT / "tests" / "vectors"
MAX_SEED = 4096
"""Longer seeds are cut: what matters is what mutations make of them."""


@dataclass(frozen=True)
class Target:
    """`run` takes an input and returns, or raises InNetError; anything else is a fault. `words` are what mutations put
    in, beside pieces of `seeds`."""

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]


def text(data: bytes) -> str:
    """Bytes as the program reads a file: whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def configuration(data: bytes) -> object:
    """Parse, flatten, resolve, bind arguments, and trace every program."""
    resolved, elements = load(Source("fuzz.click", text(data)), autoqueue=True)
    for name, ports in resolved.ports.items():
        for port in range(len(ports.inputs)):
            elements[name].trace(port, len(ports.outputs), name, len(ports.inputs))
    return resolved


def network(data: bytes) -> object:
    def middlebox(name: str) -> str:
        if name.endswith(".click"):
            return "Idle -> Discard;"
        raise FileNotFoundError(2, "No such file or directory", name)

    return load_network(Source("fuzz.yaml", text(data)), middlebox)


def importing(file: str) -> Callable[[bytes], object]:
    """An import of one file beside a device that is right; refused or not, also what is ignored comes to an end."""

    def run(data: bytes) -> object:
        files = {"r0/ip-addr.json": BESIDE, file: text(data)}
        try:
            return import_files(files)
        except InNetError:
            import_files(files, lenient=True)
            raise

    return run


def capture(data: bytes) -> object:
    return sum(len(record.data) for record in read(io.BytesIO(data)))


def arguments() -> Iterable[bytes]:
    """A configuration for every example of every element."""
    for element in REGISTRY.classes():
        for example in element.EXAMPLES:
            yield f"{element.__name__}({example})".encode()


def files(pattern: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes()[:MAX_SEED] for path in sorted(ROOT.glob(pattern)))


CLICK_WORDS = tuple(
    word.encode()
    for word in (
        "->", "=>", "::", ";", ",", "(", ")", "[", "]", "{", "}", "|", "||", "...", "input", "output", "elementclass",
        "define", "require", "$x", "${x-1}", "${x[1]}", "'", '"', "\\<00 ff>", "//", "/*", "*/", "# 1 \"f\"", "\n",
        "-1", "4294967296", "0x", "1e999", "10.0.0.1/33", "__REST__ $r", "elementclass A { A }", "A(A(A(A(",
        "[0-65535]",
        "define($x $y, $y $x)", "Null", "Idle", "Queue", "Unqueue", "Tee", "Discard", "0-", "AddressInfo(a 1.2.3.4)",
    )
)  # fmt: skip
PATTERN_WORDS = tuple(
    word.encode()
    for word in (
        "allow", "deny", "1", "src", "dst", "host", "net", "port", "tcp", "udp", "icmp", "type", "and", "or", "not",
        "!", "&&", "||", "(", ")", "?", ":", "[", "]", "ip[0:4]", "transp[2]", "& 0xff", ">", "<=", "!=", "10.0.0.0/8",
        "mask", "syn", "opt", "frag", "ttl", "99999999999", "-", "any", "0x", "ether", "portrange", "vlan", "len",
        "((((((((",
        "not not not", "a:b:c:d:e:f", "14/08%ff", "!0/??", "0/0800",
    )
)  # fmt: skip
REQUEST_WORDS = tuple(
    word.encode()
    for word in (
        "reach from ", "always ", "never ", "new ", "-> ", "client", "internet", "module", " module:\n", "const ",
        "payload", "&&", "$ADDR", "${X-1}", "stock x(a=1)", "dst port 1500", ":0 ", "10.0.0.0/8", "\n", "(", '"', "/*",
    )
)  # fmt: skip
NETWORK_WORDS = tuple(
    word.encode()
    for word in (
        "nodes:", "links:", "kind: router", "interfaces: {", "}", "[", "]", "- ", "  ", "\n", "&a", "*a",
        "!!python/object", "0.0.0.0/0", "pool: 1.2.3.0/24", "<<: *a", "routes: {", "? ", "|", ">", "%YAML 1.1", "---",
        "\t", "'", '"', "{{{{[[[[",
    )
)  # fmt: skip
IMPORT_WORDS = tuple(
    word.encode()
    for word in (
        "[", "]", "{", "}", '"', ",", ":", "null", "true", "-1", "1e999", '"dst":', '"dev":"x/y"', "default",
        "0.0.0.0/0", "10.0.0.0/33", "via 10.0.0.1", ", Gi0/1", "is directly connected", " is subnetted, 2 subnets",
        "[110/2] ", "\n", "\n ", "permit", "deny", "any", "host", "eq", "range", "0.0.255.0", "interface ",
        "ip address ", "access-list ", "ip access-group 101 in", "no ", "banner motd #", "!", "r0:eth0", "r:Gi0/1",
        "priority=", "actions=", "output:2", "nw_dst=", "mod_nw_src:1.2.3.4", '"expr":', '"match":', '"op":',
        '"accept": null', '"jump":', '"chain":', "\t",
    )
)  # fmt: skip
IMPORTED = (
    ("ip-addr.json", "campus/core/ip-addr.json"),
    ("ip-route.json", "campus/access/ip-route.json"),
    ("frr-route.json", "campus/core/frr-route.json"),
    ("ios-route.txt", "campus/border/ios-route.txt"),
    ("ios-config.txt", "campus/border/ios-config.txt"),
    ("ios-mac.txt", "campus/sw1/ios-mac.txt"),
    ("ovs-flows.txt", "bridge/s1.ovs-flows.txt"),
    ("nft.json", "firewall/nft.json"),
    ("links", "campus/links"),
    ("import.yaml", "campus/import.yaml"),
)
"""What an import reads, and an example of it."""
NUMBERS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x01",
    b"\x1c\0\0\0",
    b"\x0a\x0d\x0d\x0a",
    b"\x80",
)

CLICK_SEEDS = (
    *files("tests/vectors/*/config.click"),
    *files("tests/vectors/rejects/*/config.click"),
    *arguments(),
)
PATTERNS = tuple(
    example.encode()
    for name in ("IPFilter", "IPClassifier", "Classifier")
    for example in REGISTRY[name].EXAMPLES
)

TARGETS = {
    one.name: one
    for one in (
        Target("click", configuration, CLICK_SEEDS, CLICK_WORDS),
        Target("pattern", lambda data: parse_pattern(text(data)), PATTERNS, PATTERN_WORDS),
        Target("rule", lambda data: parse_rule(text(data)), PATTERNS, PATTERN_WORDS),
        Target("classifier", lambda data: parse_classifier_pattern(text(data)), PATTERNS, PATTERN_WORDS),
        Target("flow", lambda data: parse_flow(text(data)), PATTERNS, PATTERN_WORDS),
        Target(
            "request",
            lambda data: parse_request(Source("fuzz.innet", text(data))),
            files("examples/*.innet"),
            (*REQUEST_WORDS, *PATTERN_WORDS),
        ),
        Target(
            "policy",
            lambda data: parse_policy(Source("fuzz.policy", text(data))),
            files("examples/figure3/policy.innet"),
            (*REQUEST_WORDS, *PATTERN_WORDS),
        ),
        Target("network", network, files("examples/figure3/network.yaml"), NETWORK_WORDS),
        *(
            Target(
                f"import-{file}",
                importing(
                    {"links": file, "import.yaml": file, "nft.json": f"r0/{file}"}.get(file, f"r/{file}")
                ),
                files(f"tests/network/importing/{example}"),
                (*IMPORT_WORDS, *NETWORK_WORDS),
            )
            for file, example in IMPORTED
        ),
        Target("capture", capture, files("tests/vectors/*/in0.pcap"), NUMBERS),
    )
}
