"""`innet run CONFIG`: run a Click configuration here, with Click's own flags.

Packets come from captures, in virtual time, or from network interfaces, in real time. Exits as Click does: 0 when the
run ended, 1 when the configuration was refused or a handler of `-h` does not exist.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

from innet.diagnostics import ConfigurationError, Diagnostic, InNetError, Source, render_all

if TYPE_CHECKING:
    from innet.elements.holder import Device
    from innet.platform.packetsocket import PacketSocket
    from innet.runtime.files import StreamIo
    from innet.runtime.router import Router


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
        "-h", "--handler", action="append", default=[], metavar="ELEMENT.HANDLER", dest="handlers",
        help="print this read handler after the run (may be repeated)",
    )  # fmt: skip
    parser.add_argument("-q", "--quit", action="store_true", help="set everything up, but do not run")
    parser.add_argument(
        "--autoqueue",
        action="store_true",
        help="put a Queue where a push output meets a pull input, and warn",
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
    files = Files()
    try:
        source, variables = choose(args)
        from innet.runtime.build import build

        router, warnings = build(source, files.io(), variables=variables, autoqueue=args.autoqueue)
        if warnings:
            print(render_all(warnings), file=sys.stderr)
        router.say = lambda text: print(text, file=sys.stderr)
        router.show = lambda text: print(
            text, end="", flush=True, file=sys.stderr if args.json else sys.stdout
        )
        if not args.quit:
            drive(router, files)
        return finish(router, args)
    except InNetError as e:
        print(e, file=sys.stderr)
        if args.json:
            from innet.cli.output import error_json, print_json

            print_json(error_json(e))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        files.close()


def choose(args: argparse.Namespace) -> tuple[Source, dict[str, str]]:
    """The configuration's text, and the values given for its variables."""
    variables: dict[str, str] = {}
    texts: list[tuple[str, str | None]] = []
    if args.expression is not None:
        texts.append(("<expression>", args.expression))
    if args.file is not None:
        texts.append((args.file, None))
    for word in args.words:
        name, equals, value = word.partition("=")
        if equals and name.replace("_", "a").isalnum():
            variables[name] = value
        else:
            texts.append((word, None))
    if len(texts) != 1:
        what = "no configuration is named" if not texts else "more than one configuration is named"
        raise ConfigurationError(Diagnostic("E137", what, expected="one of CONFIG, -f FILE and -e EXPR"))
    name, text = texts[0]
    return Source(name, read_text(name) if text is None else text), variables


def read_text(name: str) -> str:
    """The text of a configuration file. Its bytes are kept, whatever their encoding."""
    try:
        if name == "-":
            return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        with open(name, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError as e:
        raise ConfigurationError(Diagnostic("E135", f"{name}: {e.strerror}")) from e


def drive(router: "Router", files: "Files") -> None:
    """Run to the end: on interfaces in real time, on captures alone in virtual time."""
    if files.ports:
        import time

        from innet.platform.loop import serve

        router.clock = time.time_ns
        serve(router, files.ports, lambda: False)
    else:
        router.run()


def finish(router: "Router", args: argparse.Namespace) -> int:
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
    if args.json:
        from innet.cli.output import print_json

        drops = [
            {"element": name, "reason": reason, "packets": count}
            for (name, reason), count in sorted(router.drops.items())
        ]
        print_json({"stopped": router.ended, "time_ns": router.clock(), "drops": drops, "handlers": values})
        return status
    for handler, value in values.items():
        text = value if not value or value.endswith("\n") else value + "\n"
        print(f"{handler}:\n{text}" if len(values) > 1 else text, end="\n" if len(values) > 1 else "")
    return status


def expand(router: "Router", handlers: list[str]) -> list[str]:
    """The handlers meant: `*.count` is that of every element that has it."""
    found: list[str] = []
    for handler in handlers:
        if handler.startswith("*."):
            found += (
                f"{n}{handler[1:]}" for n in router.by_name if router.handlers.readable(f"{n}{handler[1:]}")
            )
        else:
            found.append(handler)
    return found


class Files:
    """The streams and interfaces that one run has open."""

    def __init__(self) -> None:
        self.streams: list[BinaryIO] = []
        self.ports: dict[str, PacketSocket] = {}
        self.devices: dict[str, Device] = {}

    def io(self) -> "StreamIo":
        from innet.runtime.files import StreamIo

        return StreamIo(self.open, self.device)

    def open(self, name: str, mode: str) -> BinaryIO:
        """A file of the working directory, or a standard stream."""
        if name == "-":
            return sys.stdin.buffer if mode == "rb" else sys.stdout.buffer
        stream = cast(BinaryIO, open(name, mode))  # noqa: SIM115 - closed by `close`
        self.streams.append(stream)
        return stream

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
