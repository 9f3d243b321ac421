"""The order list: a lagging index with filters, sort order and pages."""
