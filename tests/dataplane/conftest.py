"""What the tests of the kernel back end share, for those of the data plane."""

from tests.xdp.conftest import compiler, open_files

__all__ = ["compiler", "open_files"]
