"""Engines, connections and migrations of the databases."""
