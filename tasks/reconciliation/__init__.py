"""Reconciliation: the daily comparison of VTEX, the journal and the ERP."""
