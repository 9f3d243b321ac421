"""Tables, rows, clock and database."""
