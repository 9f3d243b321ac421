"""The settings of a process and of each store, read from the environment and from files."""
