"""The demo: a whole cluster on one machine, with a simulated store and a simulated ERP."""
