"""Programs of a module made smaller by what is proven of them: decisions that always go one way, tables that nobody can
tell from empty ones (decision 0011). Each step comes with its reason; what is not proven stays as it is.
"""

from innet.simplify.module import Simplified, handed_over, simplify
from innet.simplify.steps import Step, StepKind

__all__ = ["Simplified", "Step", "StepKind", "handed_over", "simplify"]
