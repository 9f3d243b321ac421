"""Metrics, health, traces and events of each process, and the watchdog of the schedule."""
