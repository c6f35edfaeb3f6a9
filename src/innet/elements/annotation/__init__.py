"""Elements that work on annotations, the notes that travel beside a packet's bytes."""
