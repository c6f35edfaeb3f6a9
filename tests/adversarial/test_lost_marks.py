"""A mark that a program puts where nobody can tell: what hangs on it is unknown, and never an error."""

import pytest

from innet.messages import Assessment, Role
from tests.adversarial.judge import judge

MODULE = """
elementprogram Lost(SELF ip, VICTIM ip) {{
  ip.dst = ip.src
  ip.src = SELF
  far = ip.id * ip.id
  @aux = @net + far
  {statement}
  emit 0
}}
FromNetfront() -> Lost($ADDR, 203.0.113.9) -> ToNetfront();
"""


@pytest.mark.parametrize(
    ("statement", "assessment"),
    [
        ("ip.tos = u8(@end - @aux)", Assessment.SAFE),
        ("if @aux - @net == 7 { ip.src = VICTIM }", Assessment.SANDBOX),
        ("if @aux - @transport == 7 { ip.src = VICTIM }", Assessment.SANDBOX),
        ("if has aux[0+4] { ip.tos = 1 }", Assessment.SAFE),
        ("if sum aux[0+20] == 7 { ip.src = VICTIM }", Assessment.SANDBOX),
        ("if aux[0+4] == 7 { ip.src = VICTIM }", Assessment.SANDBOX),
        ("aux[0+4] = 7", Assessment.SANDBOX),
        ("aux[0+2] follows 1u16 -> 2u16", Assessment.SANDBOX),
        ("@net = @aux", Assessment.SANDBOX),
        ("@end = @aux", Assessment.SANDBOX),
    ],
)
@pytest.mark.parametrize("role", [Role.CLIENT, Role.THIRD_PARTY])
def test_what_hangs_on_a_lost_mark_is_unknown(statement: str, assessment: Assessment, role: Role) -> None:
    assert judge(MODULE.format(statement=statement), role).assessment is assessment
