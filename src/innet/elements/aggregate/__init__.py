"""Elements that put packets into numbered groups (the AGGREGATE annotation), and those that work on the groups."""
