"""Running a configuration loads what it uses, not every element there is."""

import subprocess
import sys

from innet.elements.registry import aliases, everything

SCRIPT = """
import sys
from innet.cli.run import main
text = "InfiniteSource(LIMIT 1) -> d :: NotifierQueue -> u :: Unqueue -> Discard; x :: Idle -> [0] d"
status = main(["-q", "-e", text])
families = ("queueing", "device", "ip", "rewrite", "classify", "icmp", "arp", "switching")
loaded = [m for m in sys.modules if m.startswith("innet.elements.") and m.split(".")[2] in families]
print(status, *sorted(m.rpartition(".")[2] for m in loaded if m.count(".") == 3))
"""


def test_only_the_classes_in_use_are_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "discard", "idle", "infinitesource", "queue", "source", "unqueue"]


def test_aliases_are_found_without_importing() -> None:
    declared = {
        alias: cls.__module__.rpartition(".")[2]
        for cls in everything().values()
        for alias in vars(cls).get("ALIASES", ())
    }
    assert aliases() == declared
