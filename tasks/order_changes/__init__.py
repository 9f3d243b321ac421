"""Order changes: tasks that report later changes at VTEX to the ERP."""
