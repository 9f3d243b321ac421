"""Maps VTEX's documents to a sales order. Pure functions, with money in cents."""
