"""The adapter for Odoo, by JSON-RPC or JSON-2."""
