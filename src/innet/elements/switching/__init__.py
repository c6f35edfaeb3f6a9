"""Elements that send packets on without looking at headers: switches, tees, sinks, identities."""
