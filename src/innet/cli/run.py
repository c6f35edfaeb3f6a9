"""`innet run CONFIG`: run a Click configuration here, with Click's own flags.

Packets come from captures, in virtual time, or from network interfaces, in real time. Exits as Click does: 0 when the
run ended, 1 when the configuration was refused or a handler of `-h` does not exist.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from innet.diagnostics import ConfigurationError, Diagnostic, InNetError, Source, render_all

if TYPE_CHECKING:
    from innet.cli.progress import Progress
    from innet.elements.holder import Device, Holder
    from innet.platform.packetsocket import PacketSocket
    from innet.runtime.files import StreamIo
    from innet.runtime.profile import Profile
    from innet.runtime.router import Router

WORTH_COMPILING = 500_000
"""Bytes of captures from which on the interpreter takes longer than the compiler."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The verb. Its flags are Click's (-h is not for help) and may stand anywhere, so it reads them itself."""
    parser = subparsers.add_parser(
        "run", help="run a Click configuration here", add_help=False, prefix_chars="\0"
    )
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(verb=lambda args: main(args.arguments))
    return parser


def flags() -> argparse.ArgumentParser:
    """The parser for what stands behind `innet run`."""
    parser = argparse.ArgumentParser(
        prog="innet run",
        description="Run a Click configuration until its sources end. Relative captures are found beside the working "
        "directory.",
        add_help=False,
    )
    parser.add_argument("--help", action="help", help="show this text")
    parser.add_argument(
        "words", nargs="*", metavar="CONFIG | NAME=VALUE",
        help="the configuration's file (- for standard input), and values for its variables",
    )  # fmt: skip
    parser.add_argument("-f", "--file", metavar="FILE", help="the configuration's file")
    parser.add_argument("-e", "--expression", metavar="EXPR", help="the configuration itself")
    parser.add_argument(
        "-h", "--handler", action="append", default=[], metavar="ELEMENT.HANDLER [ARG]", dest="handlers",
        help="print this read handler after the run (may be repeated; *.count is that of every element that has it)",
    )  # fmt: skip
    parser.add_argument(
        "-x", "--exit-handler", metavar="ELEMENT.HANDLER",
        help="this read handler's value is the exit status: a number, true (0) or false (1)",
    )  # fmt: skip
    parser.add_argument(
        "-D", "--define", action="append", default=[], metavar="NAME=VALUE", help="a value for a variable"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the flat configuration there (- for standard output)"
    )
    parser.add_argument("-w", "--no-warnings", action="store_true", help="do not print warnings")
    parser.add_argument("-v", "--version", action="store_true", help="print the version, and end")
    parser.add_argument("-j", "--threads", metavar="N", help="accepted for Click's sake, without effect")
    parser.add_argument("-a", "--affinity", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--simtime", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-q", "--quit", action="store_true", help="set everything up, but do not run")
    parser.add_argument(
        "--autoqueue",
        action="store_true",
        help="put a Queue where a push output meets a pull input, and warn",
    )
    parser.add_argument(
        "--backend", choices=("auto", "native", "interpreter"), default="auto",
        help="what runs packet programs: machine code, the reference interpreter, or what is sooner done (default); "
        "what comes out is the same",
    )  # fmt: skip
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print where Python's time went, by element, and what is machine code",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object about the run")
    return parser


def main(arguments: Sequence[str]) -> int:
    """`innet run` with these arguments; the exit status."""
    try:
        return run(flags().parse_intermixed_args(list(arguments)))
    except SystemExit as leaving:  # --help, and mistakes
        return 1 if leaving.code else 0


def run(args: argparse.Namespace) -> int:
    """Run what `args` ask for; the exit status."""
    if args.version:
        from innet import __version__

        print(f"innet {__version__}")
        return 0
    from innet.cli.progress import terminal

    progress = terminal()
    files = Files(progress)
    try:
        source, variables = choose(args)
        router, warnings = make(args, source, variables, files)
        if warnings and not args.no_warnings:
            print(render_all(warnings), file=sys.stderr)
        if args.output is not None:
            write_text(args.output, router.handlers.read("flatconfig"))
        router.say = printer(progress, lambda: sys.stderr, "\n")
        router.show = printer(progress, lambda: sys.stderr if args.json else sys.stdout, "")
        for text in router.messages:
            router.say(text)
        profile = profiled(router) if args.profile else None
        if not args.quit:
            drive(router, files)
        progress.clear()
        files.flush()
        return finish(router, args, profile)
    except InNetError as e:
        progress.clear()
        print(e, file=sys.stderr)
        if args.json:
            from innet.cli.output import error_json, print_json

            print_json(error_json(e))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        files.close()


def printer(progress: "Progress", stream: "Callable[[], TextIO]", end: str) -> Callable[[str], None]:
    """What prints a text, with `end` behind it, where `stream` says."""

    def show(text: str) -> None:
        progress.clear()
        print(text, end=end, flush=True, file=stream())

    return show


def profiled(router: "Router") -> "Profile":
    import time

    from innet.runtime.profile import Profile

    return Profile(router, time.perf_counter_ns)


def make(
    args: argparse.Namespace, source: Source, variables: dict[str, str], files: "Files"
) -> "tuple[Router, tuple[Diagnostic, ...]]":
    """The router that is to run `source`, and warnings about it."""
    from innet.runtime.build import build, build_as

    if args.backend == "interpreter" or args.quit:
        return build(source, files.io(), variables=variables, autoqueue=args.autoqueue)
    from innet.native.chunks import ChunkIo
    from innet.native.router import NativeRouter

    router, warnings = build_as(
        NativeRouter, source, files.io(ChunkIo), variables=variables, autoqueue=args.autoqueue
    )
    if not files.ports and (args.backend == "native" or files.captured_bytes() >= WORTH_COMPILING):
        router.compile()
    return router, warnings


def choose(args: argparse.Namespace) -> tuple[Source, dict[str, str]]:
    """The configuration's text, and the values given for its variables."""
    variables: dict[str, str] = {}
    texts: list[tuple[str, str | None]] = []
    if args.expression is not None:
        texts.append(("<expression>", args.expression))
    if args.file is not None:
        texts.append((args.file, None))
    for word in args.words:
        if not define(word, variables):
            texts.append((word, None))
    for word in args.define:
        if not define(word, variables):
            raise ConfigurationError(
                Diagnostic("E137", f"'-D {word}' defines nothing", expected="-D NAME=VALUE")
            )
    if len(texts) != 1:
        what = "no configuration is named" if not texts else "more than one configuration is named"
        raise ConfigurationError(Diagnostic("E137", what, expected="one of CONFIG, -f FILE and -e EXPR"))
    name, text = texts[0]
    return Source(name, read_text(name) if text is None else text), variables


def define(word: str, variables: dict[str, str]) -> bool:
    """Note what `NAME=VALUE` says; whether `word` is such a thing."""
    name, equals, value = word.partition("=")
    if not equals or not name.replace("_", "a").isalnum():
        return False
    variables[name] = value
    return True


def read_text(name: str) -> str:
    """The text of a configuration file. Its bytes are kept, whatever their encoding."""
    try:
        if name == "-":
            return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        with open(name, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError as e:
        raise ConfigurationError(Diagnostic("E135", f"{name}: {e.strerror}")) from e


def write_text(name: str, text: str) -> None:
    """Write a file, or standard output."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        if name == "-":
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            return
        with open(name, "wb") as stream:
            stream.write(data)
    except OSError as e:
        raise ConfigurationError(Diagnostic("E135", f"{name}: {e.strerror}")) from e


def drive(router: "Router", files: "Files") -> None:
    """Run to the end: on interfaces in real time, on captures alone in virtual time. An interrupt ends the run."""
    try:
        run_to_end(router, files)
    except KeyboardInterrupt:
        router.ended = True


def run_to_end(router: "Router", files: "Files") -> None:
    listen(router)
    if files.ports:
        import time

        from innet.platform.loop import serve

        router.clock = time.time_ns
        serve(router, files.ports, lambda: False)
    else:
        router.run()


def listen(router: "Router") -> None:
    """Tell elements of the signals that they wait for."""
    wanted: dict[int, list[Holder]] = {}
    for node in router.nodes:
        for word in node.holder.signals if node.holder is not None else ():
            import signal

            number = int(word) if word.isdecimal() else int(getattr(signal, f"SIG{word}"))
            wanted.setdefault(number, []).append(cast("Holder", node.holder))
            signal.signal(number, lambda n, frame: heard(wanted[n]))


def heard(holders: "list[Holder]") -> None:
    """A signal came."""
    for holder in holders:
        holder.signalled()


def finish(router: "Router", args: argparse.Namespace, profile: "Profile | None" = None) -> int:
    """Show the handlers asked for; the exit status."""
    from innet.elements.holder import HandlerError

    status = 0
    values: dict[str, str] = {}
    for handler in expand(router, args.handlers):
        try:
            values[handler] = router.handlers.read(handler)
        except HandlerError as e:
            print(f"innet run: {e}", file=sys.stderr)
            status = 1
    if args.exit_handler is not None and not status:
        status = exit_status(router, args.exit_handler)
    if args.json:
        from innet.cli.output import print_json

        drops = [
            {"element": name, "reason": reason, "packets": count}
            for (name, reason), count in sorted(router.drops.items())
        ]
        answer = {"stopped": router.ended, "time_ns": router.clock(), "drops": drops, "handlers": values}
        if profile is not None:
            names = ("element", "class", "packets", "ns")
            answer["profile"] = [dict(zip(names, row, strict=True)) for row in profile.rows()]
            answer["backend"] = list(router.account())
        print_json(answer)
        return status
    for handler, value in values.items():
        text = value if not value or value.endswith("\n") else value + "\n"
        print(f"{handler}:\n{text}" if len(values) > 1 else text, end="\n" if len(values) > 1 else "")
    if profile is not None:
        print(profile.table(), *router.account(), sep="\n", file=sys.stderr)
    return status


def exit_status(router: "Router", handler: str) -> int:
    """The exit status that a handler's value means."""
    from innet.elements.holder import HandlerError, handler_bool

    try:
        value = router.handlers.read(handler).strip()
        return int(value) if value.lstrip("-").isdecimal() else int(not handler_bool(value))
    except HandlerError as e:
        print(f"innet run: {e}", file=sys.stderr)
        return 255


def expand(router: "Router", handlers: list[str]) -> list[str]:
    """The handlers meant: of a name with `*` or `?`, those of every element that fits and has it."""
    found: list[str] = []
    for handler in handlers:
        call, space, argument = handler.strip().partition(" ")
        element, dot, name = call.rpartition(".")
        if dot and any(letter in element for letter in "*?["):
            fitting = (f"{n}.{name}{space}{argument}" for n in router.by_name if fnmatchcase(n, element))
            found += (each for each in fitting if router.handlers.readable(each))
        else:
            found.append(handler)
    return found


def unpacked(name: str) -> BinaryIO:
    """A compressed file, open for reading."""
    import bz2
    import gzip

    packed = gzip.open(name) if name.endswith(".gz") else bz2.open(name)  # noqa: SIM115 - `Files` closes it
    return cast(BinaryIO, packed)


class Files:
    """The streams and interfaces that one run has open."""

    def __init__(self, progress: "Progress") -> None:
        self.progress = progress
        self.streams: list[BinaryIO] = []
        self.ports: dict[str, PacketSocket] = {}
        self.devices: dict[str, Device] = {}

    def io(self, kind: "type[StreamIo] | None" = None) -> "StreamIo":
        from innet.runtime.files import StreamIo

        return (kind or StreamIo)(self.open, self.device)

    def captured_bytes(self) -> int:
        """The size of the captures that are read; of one whose size is not known, none."""
        found = 0
        for stream in self.streams:
            if stream.readable():
                with suppress(OSError):
                    found += os.stat(stream.name).st_size
        return found

    def open(self, name: str, mode: str) -> BinaryIO:
        """A file of the working directory, unpacked if it is compressed, or a standard stream."""
        if name == "-":
            return sys.stdin.buffer if mode == "rb" else sys.stdout.buffer
        if mode == "rb" and name.endswith((".gz", ".bz2")):
            stream = unpacked(name)
        elif mode == "rb" and self.progress.wanted:
            from innet.cli.progress import counted

            stream = counted(name, self.progress)
        else:
            stream = cast(BinaryIO, open(name, mode))  # noqa: SIM115 - closed by `close`
        self.streams.append(stream)
        return stream

    def flush(self) -> None:
        """Have what was written where others can read it."""
        sys.stdout.flush()
        for stream in self.streams:
            if stream.writable():
                stream.flush()

    def device(self, name: str) -> "Device":
        """A network interface of this machine; it answers for the addresses that a module's platform would write."""
        from innet.platform.loop import EthernetPort
        from innet.platform.packetsocket import PacketSocket

        if name not in self.devices:
            port = self.ports[name] = PacketSocket(name)
            self.devices[name] = EthernetPort(port, b"\xff" * 6, port.address)
        return self.devices[name]

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        for port in self.ports.values():
            port.close()
