"""The data of alerts, metrics and heartbeats."""
