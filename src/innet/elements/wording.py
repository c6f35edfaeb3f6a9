"""Phrases that several elements' messages have in common."""


def in_use(ports: int, kind: str = "output") -> str:
    """How many ports of a kind are connected."""
    if ports == 0:
        return f"no {kind} is in use"
    return f"only {kind} 0 is in use" if ports == 1 else f"only {kind}s 0 to {ports - 1} are in use"
