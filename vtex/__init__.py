"""Everything we know about VTEX; imports nothing of ours."""
