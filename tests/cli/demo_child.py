"""Runs `innet demo` with a prover that knows the answers: a program for the tests of the demo to start."""

import sys

import innet.cli.story
from innet.cli.main import main
from tests.cli.fakes import KnowingProver

if __name__ == "__main__":
    innet.cli.story.Proofs = KnowingProver  # type: ignore[misc,assignment]
    sys.exit(main(["demo", *sys.argv[1:]]))
