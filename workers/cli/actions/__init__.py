"""The work of each command, imported once the command runs."""
