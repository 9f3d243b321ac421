"""Alerts: their rules, evaluation and delivery."""
