"""All packets at once: explores a configuration, or a whole network, with the symbolic executor."""
