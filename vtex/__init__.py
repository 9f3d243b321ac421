"""VTEX: its API, its documents and its rules. Imports ``foundation`` alone."""
