"""Everything we know about ERPs."""
