"""Elements that make ICMP messages."""
