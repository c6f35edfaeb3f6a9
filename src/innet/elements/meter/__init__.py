"""Elements that count."""
