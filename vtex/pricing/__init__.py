"""The amounts of an order: totals, lines, and the proof that they agree."""
