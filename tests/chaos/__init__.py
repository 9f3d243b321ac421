"""Faults on purpose against a whole cluster; see ``python -m chaos --help`` and docs/reliability.md."""
