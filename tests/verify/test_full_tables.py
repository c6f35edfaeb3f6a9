"""Tables that are empty at the start are full as soon as the flow itself has filled them."""

import pytest

from innet.messages import Answer
from tests.verify.networks import ask, chain

BOX = """
elementprogram Box {{
  outputs 2
  {statements}
  emit 1
}}
FromDevice(outside) -> MarkIPHeader(14) -> box :: Box -> ToDevice(inside);
box [1] -> Discard;
FromDevice(inside) -> ToDevice(outside);
"""


@pytest.mark.parametrize(
    ("statements", "comes_through"),
    [
        ("""table t [u8] -> [u8] capacity 1 idle 60s
            insert t[1] = [1]; ok = insert t[2] = [1]
            if not ok { emit 0 }""", True),
        ("""table t [u8] -> [u8] capacity 1 idle 60s
            insert t[1] = [1]; insert t[2] = [1]
            found, _ = t[2]
            if not found { emit 0 }""", True),
        ("""table t [u8] -> [u8] capacity 1 idle 0s
            insert t[1] = [1]; insert t[2] = [1]
            found, _ = t[1]
            if not found { emit 0 }""", True),
        ("""table t [u8] -> [u8] capacity 2 idle 60s
            insert t[1] = [1]; ok = insert t[2] = [1]
            if not ok { emit 0 }""", False),
        ("""table t [u8] -> [u8] capacity 1 idle 60s
            insert t[1] = [1]; ok = insert t[1] = [2]
            if not ok { emit 0 }""", False),
        ("""table t paired [u8] -> [u8] capacity 1 idle 60s
            insert t[1] = [1] with [2] = [1]; ok = insert t[3] = [1] with [4] = [1]
            if not ok { emit 0 }""", True),
        ("""table t paired [u8] -> [u8] capacity 1 idle 60s
            ok = insert t[1] = [1] with [2] = [1]
            if not ok { emit 0 }""", False),
        ("""table t [u16] -> [u8] capacity 8 idle 60s
            counter c u16
            insert t[1024] = [1]
            ok, _ = allocate u16 1024 to 1024 sequential c so that t[1024u16] is free
            if not ok { emit 0 }""", True),
        ("""table t [u16] -> [u8] capacity 8 idle 60s
            counter c u16
            ok, p = allocate u16 1024 to 1025 sequential c so that t[p] is free
            if not ok { emit 0 }""", False),
    ],
)  # fmt: skip
def test_what_a_flow_does_to_a_small_table_is_found(statements: str, comes_through: bool) -> None:
    world = chain(BOX.format(statements=statements))
    check = ask(world, "never new reach from internet -> client")
    assert check.holds is (Answer.NO if comes_through else Answer.YES), check.reason
