"""Ethernet and IEEE 802.1Q: headers made, mirrored, rewritten, filtered."""
