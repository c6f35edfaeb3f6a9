"""The sandbox: what is put around modules that are safe only if something watches what they send."""
