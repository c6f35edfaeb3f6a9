"""Hypothesis profiles: `dev` (50 examples) by default, `ci` (500) where the environment says CI.

No deadline in either: on shared cores the time of one example says nothing; pytest's time-out stops hangs.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=500, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in {"1", "true", "yes"} else "dev")
