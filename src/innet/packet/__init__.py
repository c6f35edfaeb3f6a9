"""Packets as bytes: every header field once (`headers`), and captures of packets (`capture`, `pcap`, `pcapng`).

Captures are untrusted input: a reader holds one bounded block at a time, checks each length before it believes it,
and says at which byte a file went wrong. No module here opens a file; streams enter as arguments.
"""
