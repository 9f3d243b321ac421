"""The command line: one module declares each group of commands."""
