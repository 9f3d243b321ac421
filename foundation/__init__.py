"""Parts that every layer may use. They know nothing of orders, VTEX or the ERP."""
