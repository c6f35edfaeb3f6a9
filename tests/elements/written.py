"""Element classes in program text, for the tests of all back ends."""

from innet.diagnostics import ConfigurationError, Source
from innet.elements.base import Element
from innet.elements.written import class_of
from innet.ir.definition import define
from tests.elements.packets import ipv4, udp

FILTER = """TokenFilter(TOKEN bytes[4], PORT port = 7777, ON bool = true, NET prefix = 10.0.0.0/8, IDLE seconds = 60) {
  outputs 1
  optional output 1 "wrong token"
  table seen [ip, port] -> [u64, u8] capacity 64
  counter ids u16 from 5
  if not has @net or ip.proto != 17 or ip.off & 0x1fff != 0 { drop "not a UDP datagram" }
  if udp.dport != PORT { drop "not for the game" }
  if not has transport[8+4] or transport[8+4] != TOKEN {
    count wrong
    emit 1
  }
  found, first, times = seen[ip.src, udp.sport]
  if not found { first = now }
  if ON and times < 255 { times = times + 1 }
  insert seen[ip.src, udp.sport] = [first, times] idle IDLE
  id = next ids; ip.id = id
  if ip.src in NET { ip.tos = times << 2 | ip.tos & 3 updating ip.sum }
  ip.ttl = ip.ttl - 1 updating ip.sum
  ip.dst = 192.0.2.77 updating ip.sum, udp.sum
  emit 0
}"""

NAT = """Nat(ADDRESS ip) {
  outputs 2
  table flows paired [ip, port] -> [ip, port] capacity 32 idle 60s
  counter last u16
  input 0 {
    if ip.proto != 17 or not has transport[0+8] { drop "not UDP" }
    found, address, port = flows[ip.src, udp.sport]
    if not found {
      ok, port = allocate u16 1024 to 1055 sequential last prefer udp.sport so that flows[ADDRESS, port] is free
      if not ok { drop "no port is free" }
      stored = insert flows[ip.src, udp.sport] = [ADDRESS, port] with [ADDRESS, port] = [ip.src, udp.sport]
      if not stored { drop "no room" }
    }
    ip.src = ADDRESS updating ip.sum, udp.sum
    udp.sport = port updating udp.sum
    emit 1
  }
  input 1 {
    if ip.proto != 17 or not has transport[0+8] { drop "not UDP" }
    found, address, port = flows[ip.dst, udp.dport]
    if not found { drop "nobody asked" }
    ip.dst = address updating ip.sum, udp.sum
    udp.dport = port updating udp.sum
    emit 0
  }
}"""

ALL = """Everything(A u8, B u16 = 7) {
  outputs 3
  if has mac[0+14] and ether.type == 0x0800 { anno.paint = A }
  found, offset, length = option 7 131
  if found and length > 3 { @aux = @net + 2 + offset; aux[0+1] = A }
  x = ip.len / 3 + ip.len % 5 * 2
  y = sum net[0+u16(ip.hl) * 4]
  if x == B or y == 0xffff { copy 1 }
  if @end - @data > 100 { @end = @data + 100 }
  if @end - @data < 20 { @end = @data + 20; count padded }
  anno[20:13] = u13(x)
  if anno.vlan_tci == 1 { copy 2 }
  ip.off = ip.off | 0x4000 updating ip.sum
  emit 0
}"""

TEXTS = {"TokenFilter": (FILTER, ('"GS01"', '"abcd", PORT 1500, ON false, IDLE 5s', '"GS01", NET 198.51.100.0/24')),
         "Nat": (NAT, ("192.0.2.1",)), "Everything": (ALL, ("1", "200, B 40"))}  # fmt: skip


def written(text: str, *examples: str) -> type[Element]:
    found, mistakes = define(Source("text", text), 0, len(text))
    assert not mistakes, str(ConfigurationError(mistakes))
    assert found is not None
    return type(found.name, (class_of(found),), {"EXAMPLES": examples})


CLASSES = {name: written(text, *examples) for name, (text, examples) in TEXTS.items()}
CASES = [(name, example) for name, (_, examples) in TEXTS.items() for example in examples]


def game(payload: bytes, port: int = 7777, src: str = "10.0.0.1") -> bytes:
    """A datagram for the game server."""
    return ipv4(udp(payload, dport=port, checksum=0x1234), src=src)


def game_frames() -> list[bytes]:
    """Frames that meet every case of the filter."""
    payloads = (b"GS01hello", b"GS01", b"GS0", b"abcdef", b"")
    pairs = [(payload, port) for payload in payloads for port in (7777, 1500, 53)]
    return [
        bytes(12) + b"\x08\x00" + game(payload, port, f"10.0.0.{n % 3}")
        for n, (payload, port) in enumerate(pairs)
    ]
