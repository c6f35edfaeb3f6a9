"""Elements that see no packets and steer the run."""
