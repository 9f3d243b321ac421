"""Writes to VTEX that have one effect, however often they are tried."""
