"""Reads an NF-e and matches its lines with the items of an order."""
