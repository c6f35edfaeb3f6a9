"""Elements that choose an output by what the packet holds: byte patterns, IP patterns, lengths."""
