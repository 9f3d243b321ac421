"""The runtime: how processes start, are configured and watched."""

from workers.app import app

__all__ = ["app"]
