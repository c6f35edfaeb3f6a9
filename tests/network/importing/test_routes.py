"""Routing tables: what is imported looks up every address as the longest prefix of the original does."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innet.network import Prefix, format_address
from tests.network.importing.boxes import imported, refusal, snapshot

Table = Mapping[Prefix, tuple[str, ...]]
"""Prefix to interfaces; none: dropped."""
PORTS = ("Serial0", "Serial1", "Serial2")


def prefix_of(address: int, length: int) -> Prefix:
    return Prefix(address & ~(0xFFFF_FFFF >> length) & 0xFFFF_FFFF, length)


addresses = st.integers(0, 0xDFFF_FFFF)
near = st.sampled_from([0x0A000000, 0x0A800000, 0x0AC00000, 0x0AC08000, 0x0AC080FF, 0xC0000200])
prefixes = st.builds(prefix_of, addresses | near, st.integers(0, 32))
outputs = st.lists(st.sampled_from(PORTS), max_size=3, unique=True).map(tuple)
tables = st.dictionaries(prefixes, outputs, max_size=12)


def longest(table: Table, address: int) -> tuple[str, ...]:
    """The output of the longest prefix, found one by one."""
    found = [prefix for prefix in table if address in prefix]
    return table[max(found, key=lambda prefix: prefix.length)] if found else ()


def as_linux(table: Table) -> str:
    rows: list[dict[str, object]] = []
    for prefix, out in table.items():
        name = "default" if prefix.length == 0 else str(prefix).removesuffix("/32")
        row: dict[str, object] = {"dst": name, "protocol": "static", "flags": []}
        hops: list[dict[str, object]] = [{"dev": port, "gateway": "192.0.2.1", "flags": []} for port in out]
        if len(hops) > 1:
            row["nexthops"] = [hop | {"weight": 1} for hop in hops]
        else:
            row |= hops[0] if hops else {"type": "blackhole"}
        rows.append(row)
    return json.dumps(rows)


def as_frr(table: Table) -> str:
    found = {}
    for prefix, out in table.items():
        hops: list[dict[str, object]] = [
            {"fib": True, "flags": 3, "ip": "192.0.2.1", "interfaceName": port, "active": True}
            for port in out
        ]
        drop = [{"fib": True, "flags": 3, "unreachable": True, "blackhole": True, "active": True}]
        best = {
            "prefix": str(prefix),
            "protocol": "ospf",
            "vrfName": "default",
            "selected": True,
            "installed": True,
        }
        other = {"prefix": str(prefix), "protocol": "rip", "vrfName": "default", "nexthops": drop}
        found[str(prefix)] = [other, best | {"nexthops": hops or drop}]
    return json.dumps(found, indent=1)


def as_ios(table: Table) -> str:
    out = ["Codes: L - local, C - connected", "       D - EIGRP", "", "Gateway of last resort is not set", ""]
    for n, (prefix, ports) in enumerate(table.items()):
        code = "S*   " if prefix.length == 0 else ("O    ", "D EX ", "B    ")[n % 3]
        if not ports:
            out.append(f"{code} {prefix} is directly connected, Null0")
            continue
        hops = [f"[110/{n}] via 192.0.2.{k + 1}, 00:00:0{n % 10}, {port}" for k, port in enumerate(ports)]
        if n % 4 == 3:
            out.append(f"{code} {prefix}")
            hops.insert(0, "")
        else:
            hops[0] = f"{code} {prefix} {hops[0]}"
        out += [hop if k == 0 else " " * 12 + hop for k, hop in enumerate(hops) if hop]
    return "\n".join(out) + "\n"


def as_static(table: Table) -> str:
    out = ["hostname r", "!"]
    for prefix, ports in table.items():
        mask = format_address(0xFFFF_FFFF & ~(0xFFFF_FFFF >> prefix.length))
        for port in ports or ("Null0",):
            hop = port if port == "Null0" else f"{port} 192.0.2.1"
            out.append(f"ip route {format_address(prefix.address)} {mask} {hop} 5 name n")
        out.append(f"ip route {format_address(prefix.address)} {mask} Null0 250")
    return "\n".join(out)


@pytest.mark.parametrize(
    ("file", "write"),
    [
        ("ip-route.json", as_linux),
        ("frr-route.json", as_frr),
        ("ios-route.txt", as_ios),
        ("ios-config.txt", as_static),
    ],
)
@given(tables, st.lists(addresses | near, max_size=20))
def test_what_is_imported_looks_up_as_the_original(
    file: str, write: Callable[[Table], str], table: Table, probes: list[int]
):
    network = snapshot({f"r/{file}": write(table)})
    edges = [end for prefix in table for end in (prefix.low, prefix.high, (prefix.high + 1) & 0xDFFF_FFFF)]
    for address in [*probes, *edges]:
        assert sorted(network.forward("r", address)) == sorted(longest(table, address)), format_address(
            address
        )


@pytest.mark.parametrize(
    ("file", "text", "complaints"),
    [
        (
            "ip-route.json",
            '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]},\n {"dst":"10.0.0.0/33","dev":"eth0"}]',
            ["r/ip-route.json:2:9: error[N401]", "^^^^^", "a prefix such as 10.0.0.0/8"],
        ),
        (
            "ip-route.json",
            '[{"dst":"10.0.0.0/8","dev":"eth0","encap":"mpls","flags":[]}]',
            ["r/ip-route.json:1:43: error[N402]: a route has 'encap'", "--lenient: then 'r' is opaque"],
        ),
        ("ip-route.json", '[{"dst":"10.0.0.0/8",}]', ["r/ip-route.json:1:22: error[N400]: not JSON"]),
        ("ip-route.json", '[{"dst":"default","dst":"10.0.0.0/8"}]', ["'dst' is in one object twice"]),
        ("ip-route.json", '[{"dst":"default","dev":"e","table":"100"}]', ["policy routing is not followed"]),
        ("ip-route.json", '[{"dst":"10.0.0.0/8","dev":"a"},{"dst":"10.0.0.0/8","dev":"b"}]', ["a second route"]),
        (
            "frr-route.json",
            '{"10.0.0.0/8": [{"selected": true, "installed": true,\n  "nexthops": [{"fib": true, "labels": [16], '
            '"interfaceName": "e"}]}]}',
            ["r/frr-route.json:2:40: error[N402]: a next hop with 'labels' is not followed"],
        ),
        ("frr-route.json", '{"10.0.0.0/8": [{"selected": true, "nexthops": []}]}', ["not in the kernel's table"]),
        (
            "ios-route.txt",
            "S    10.0.0.0/8 [1/0] via 10.0.0.300, Gi0/1\n",
            ["r/ios-route.txt:1:1: error[N401]: '10.0.0.300' is not an IPv4 address"],
        ),
        (
            "ios-route.txt",
            "C    10.0.0.0/8 is directly connected, Gi0/1\nwhat is this\n",
            ["r/ios-route.txt:2:1: error[N402]: this line is not understood", "^^^^^^^^^^^^", "expected: O 10.0.0.0/8"],
        ),
        ("ios-route.txt", "B   10.0.0.0/8 [20/0] via 192.0.2.7, 1d02h\n", ["no route leads to the next hop 192.0.2.7"]),
        ("ios-route.txt", "O + 10.0.0.0/8 [20/0] via 192.0.2.7, Gi0/1\n", ["'+' is not a code"]),
        ("ios-config.txt", "router ospf 1\n network 10.0.0.0 0.255.255.255 area 0\n", ["show ip route"]),
        ("ios-config.txt", "ip route 10.0.0.0 255.0.255.0 Null0\n", ["zeros between its ones"]),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_place(file: str, text: str, complaints: list[str]):
    said = refusal({f"r/{file}": text})
    for complaint in complaints:
        assert complaint in said


def test_a_next_hop_without_an_interface_is_looked_up():
    network = snapshot({
        "r/ios-route.txt": """
            S     10.0.0.0/8 [1/0] via 192.0.2.2
            B     172.16.0.0/12 [200/0] via 10.9.9.9, 2d01h
            C     192.0.2.0/24 is directly connected, Gi0/3
            L     192.0.2.1/32 is directly connected, Gi0/3
            """,
    })  # fmt: skip
    assert network.forward("r", 0xAC100001) == ("GigabitEthernet0-3",)


def test_a_lower_metric_counts_and_dead_hops_do_not():
    rows = [
        {"dst": "10.0.0.0/8", "dev": "eth0", "metric": 20, "flags": []},
        {"dst": "10.0.0.0/8", "dev": "eth1", "metric": 10, "flags": []},
        {"dst": "11.0.0.0/8", "flags": [], "nexthops": [
            {"dev": "eth0", "weight": 1, "flags": ["dead", "linkdown"]}, {"dev": "eth1", "weight": 1, "flags": []},
        ]},
    ]  # fmt: skip
    network = snapshot({"r/ip-route.json": json.dumps(rows)})
    assert network.forward("r", 0x0A000001) == network.forward("r", 0x0B000001) == ("eth1",)


def test_what_is_ignored_makes_the_device_opaque():
    made = imported(
        {"r/ios-route.txt": "C 10.0.0.0/8 is directly connected, Gi0/1\nwhat is this\n"},
        lenient=True,
    )
    assert made.snapshot.nodes["r"].kind.value == "middlebox"
    assert "Opaque" in made.files["r.click"]
    (ignored,) = made.ignored
    assert str(ignored) == (
        "r/ios-route.txt:2:1: this line is not understood: 'r' is opaque: it may send anything anywhere"
    )
