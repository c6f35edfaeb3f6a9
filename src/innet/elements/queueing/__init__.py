"""Elements that keep packets, and those that choose when or whose packet goes next."""
