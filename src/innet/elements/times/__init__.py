"""Elements that look at packets' timestamps: ranges, filters, ages."""
