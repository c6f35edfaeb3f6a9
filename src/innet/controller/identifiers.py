"""Names for deployments that a person can say on the telephone."""

from collections.abc import Callable
from random import Random

CONSONANTS = "bdfgklmnprstvz"
VOWELS = "aeiou"
SYLLABLES = 3
ATTEMPTS = 20


def identifier(random: Random, taken: Callable[[str], bool]) -> str:
    """A pronounceable word that is not `taken`: three syllables, more once many of those are in use."""
    syllables = SYLLABLES
    while True:
        for _ in range(ATTEMPTS):
            word = "".join(random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(syllables))
            if not taken(word):
                return word
        syllables += 1
