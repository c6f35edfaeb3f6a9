"""The language of requests and rules: what tenants ask for and what operators demand (paper section 4.2).

`request` reads a tenant's request file, `rules` reads `reach` statements for both, `syntax` is the tree they give and
its text. Nothing here knows the network: whether a node or an element exists is the checker's to say.
"""

from innet.policy.fields import ConstField
from innet.policy.request import Module, Request, StockCall, parse_request, unparse_request
from innet.policy.rules import parse_policy
from innet.policy.syntax import (
    ElementPort,
    FlowText,
    Hop,
    Named,
    Node,
    Place,
    Policy,
    Quantifier,
    Reach,
    Region,
    Subnet,
    Variable,
    hop_text,
    node_text,
    unparse,
    unparse_policy,
)

__all__ = [
    "ConstField",
    "ElementPort",
    "FlowText",
    "Hop",
    "Module",
    "Named",
    "Node",
    "Place",
    "Policy",
    "Quantifier",
    "Reach",
    "Region",
    "Request",
    "StockCall",
    "Subnet",
    "Variable",
    "hop_text",
    "node_text",
    "parse_policy",
    "parse_request",
    "unparse",
    "unparse_policy",
    "unparse_request",
]
