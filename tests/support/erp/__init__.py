"""The ERP's side of the adapters that ship, for conformance checks and outboxes."""
