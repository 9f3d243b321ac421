"""Outbound: tasks that take the ERP's requests and send them to VTEX."""
