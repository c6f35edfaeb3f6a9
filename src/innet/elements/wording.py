"""Phrases that several elements' messages share."""


def in_use(outputs: int) -> str:
    """How many outputs are connected, as the end of a sentence."""
    if outputs == 0:
        return "no output is in use"
    return "only output 0 is in use" if outputs == 1 else f"only outputs 0 to {outputs - 1} are in use"
