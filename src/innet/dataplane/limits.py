"""What a module on a platform may take where nobody says otherwise."""

TABLE_MIB = 16
"""Kernel memory for its tables."""
IDLE_S = 300
"""How long it may receive nothing before its tables go to disk."""
