"""libpcap's own filter compiler, through ctypes: the oracle for flows. Nothing of the product uses it."""

import ctypes
import functools

LIBRARY = "libpcap.so.0.8"  # Debian's package libpcap0.8; `innet test` installs it
RAW, ETHERNET = 12, 1
"""Link types: a bare IP packet, and an Ethernet frame."""
SNAPLEN = 262144
UNKNOWN_NETMASK = 0xFFFFFFFF


class Program(ctypes.Structure):
    """struct bpf_program."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class Header(ctypes.Structure):
    """struct pcap_pkthdr."""

    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("captured", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )


class RefusedError(Exception):
    """libpcap does not compile the expression; its message."""


@functools.cache
def library() -> ctypes.CDLL:
    """libpcap; OSError if this machine does not have it."""
    lib = ctypes.CDLL(LIBRARY)
    lib.pcap_open_dead.restype = ctypes.c_void_p
    lib.pcap_geterr.restype = lib.pcap_lib_version.restype = ctypes.c_char_p
    lib.pcap_freecode.restype = None
    return lib


@functools.cache
def handle(link_type: int) -> ctypes.c_void_p:
    return ctypes.c_void_p(library().pcap_open_dead(link_type, SNAPLEN))


def version() -> str:
    return str(library().pcap_lib_version().decode())


class Filter:
    """A compiled expression, as written: the optimizer is off unless asked for. RefusedError if there is none."""

    def __init__(self, flow: str, link_type: int = RAW, optimize: bool = False) -> None:
        self.program = Program()
        lib, opened = library(), handle(link_type)
        mask = ctypes.c_uint32(UNKNOWN_NETMASK)
        if lib.pcap_compile(opened, ctypes.byref(self.program), flow.encode(), int(optimize), mask):
            raise RefusedError(lib.pcap_geterr(opened).decode())

    def __del__(self) -> None:
        if self.program.instructions:
            library().pcap_freecode(ctypes.byref(self.program))

    def matches(self, packet: bytes) -> bool:
        """Whether the filter takes the complete packet."""
        header = Header(0, 0, len(packet), len(packet))
        answer = library().pcap_offline_filter(ctypes.byref(self.program), ctypes.byref(header), packet)
        return bool(answer)
