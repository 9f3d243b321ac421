"""Pages that Flower serves in addition to its own."""
