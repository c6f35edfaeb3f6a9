"""Runs configurations: packet programs in the reference interpreter, holders, tasks, virtual or real time.

`build` makes a `Router` from text, `graph` from element instances; `run` drives it in virtual time to its end,
`deliver`, `work` and `next_wake` let a caller drive it in real time. No sockets, files or clocks here: captures,
devices and time enter as arguments (`innet.elements.holder.Io`).
"""
