"""A stand-in for VTEX, for trials and tests. It does not share code with the client."""
