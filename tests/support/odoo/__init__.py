"""A real Odoo 11 and a fake one, for the tests."""
