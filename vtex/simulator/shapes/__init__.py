"""Peculiarities of real documents, put into the orders that the simulator draws."""
