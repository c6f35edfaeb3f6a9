"""Answers: is a module safe, does a requirement hold, does a rule; with a concrete packet for each.

Soundness outranks everything here. A yes carries a packet that the reference interpreter has replayed; a `safe` looks
at all packets in any state of all tables; what the engine cannot follow is `undecided` or goes to the sandbox.
"""
