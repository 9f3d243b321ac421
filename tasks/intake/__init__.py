"""Intake: tasks that bring paid orders from VTEX into the ERP."""
