"""Hypothesis profiles: `dev` (50 examples) by default, `ci` (100, always the same ones, so that it says the same of the
same code) where the environment says CI, `thorough` (500) with INNET_THOROUGH=1: every element has its campaigns, so
that more than a hundred take hours.

No deadline in either: on shared cores the time of one example says nothing; pytest's time-out stops hangs.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=100, derandomize=True)
settings.register_profile("thorough", parent=settings.get_profile("dev"), max_examples=500, print_blob=True)
TRUE = {"1", "true", "yes"}
CHOSEN = {"thorough": "INNET_THOROUGH", "ci": "CI"}
settings.load_profile(
    next((p for p, name in CHOSEN.items() if os.environ.get(name, "").lower() in TRUE), "dev")
)
