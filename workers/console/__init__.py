"""Pages that Flower serves beside its own."""
