"""Runs configurations on captures at machine code's speed: the same router, with much of its graph compiled.

A `NativeRouter` is a `innet.runtime.Router` in all that can be seen: output, handlers, drops, order, time and random
numbers. What programs can do alone (`partition`) is one native graph (`machine`); the router gives it packets one by
one where Python code stands around it, and whole pieces of a capture where nobody else has anything to do.
"""
