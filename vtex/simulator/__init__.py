"""A stand-in for VTEX, to try and to test; shares no code with the client."""
