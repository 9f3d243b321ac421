"""Small servers that speak as ERPs document it: shapes, faults, limits."""
