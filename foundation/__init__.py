"""Parts that every layer may use. They do not know orders, VTEX or the ERP."""
