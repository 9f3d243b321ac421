"""The ERP adapters that ship with the project."""
