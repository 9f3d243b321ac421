"""Order changes."""
