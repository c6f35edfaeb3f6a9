"""Exit codes that other programs rely on."""

YES = 0
REFUSED = 1
BAD_INPUT = 2
UNDECIDED = 3
PLATFORM_FAILURE = 4
CONFLICT = 5
INTERRUPTED = 130
"""As the shell has it for SIGINT."""
