"""HTTP to VTEX: sessions, bounds, rate limit, names of endpoints."""
