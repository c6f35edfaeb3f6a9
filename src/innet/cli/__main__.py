"""`python -m innet.cli VERB ...`: what the script ./innet runs."""

import sys

from innet.cli.main import main

sys.exit(main(sys.argv[1:]))
