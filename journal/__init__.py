"""The journal: the state of every order and job. Imports ``foundation`` alone."""
