"""A real Tryton for the tests, and for the demo."""
