"""Elements without ports: they tell the configuration something and see no packets."""
