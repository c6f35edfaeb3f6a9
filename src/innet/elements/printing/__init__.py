"""Elements that tell what packets pass, and let them pass."""
