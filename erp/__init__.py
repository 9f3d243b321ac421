"""ERPs: the port, the sales order, and the adapters."""
