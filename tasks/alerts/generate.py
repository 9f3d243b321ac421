"""Write the tables of docs/ and Prometheus' rules from the table of alert rules.

Run ``python -m tasks.alerts.generate`` in a checkout after a change of ``tasks.alerts.rules``.
"""

import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from foundation.messages.message import Message
from tasks.alerts.rules import PROMETHEUS_ONLY, RULES, PrometheusRule

_HEADER = """\
# Made by python -m tasks.alerts.generate from tasks/alerts/rules.py: change that table instead.
# Several processes may export the cluster's metrics: max counts them once.
groups:
  - name: vtex-erp
    rules:
"""
_MARKER = "<!-- {}: made by python -m tasks.alerts.generate -->"


def prometheus_rules() -> Iterator[PrometheusRule]:
    """Yield all rules of Prometheus."""
    for rule in RULES:
        yield from rule.prometheus
    yield from PROMETHEUS_ONLY


def generated(root: Path) -> Mapping[Path, str]:
    """Return the text of each file as it must be.

    Args:
        root: of the checkout. The text around the tables of docs/ is read from there.
    """
    alerts, metrics = root / "docs/alerts.md", root / "docs/metrics.md"
    return {
        root / "deploy/prometheus/rules.yml": _HEADER + "\n".join(map(_yaml, prometheus_rules())),
        alerts: _replaced(alerts.read_text(encoding="utf-8"), "alert rules", _alert_table()),
        metrics: _replaced(
            metrics.read_text(encoding="utf-8"), "Prometheus rules", _prometheus_table()
        ),
    }


def _yaml(rule: PrometheusRule) -> str:
    text = rule.message(**{"store": "{{ $labels.store }}", **rule.fields})
    lines = [f"- alert: {rule.name}", f"  # {rule.condition}", "  expr: |"]
    lines += [f"    {line}" for line in rule.expr.splitlines()]
    if rule.pending:
        lines.append(f"  for: {rule.pending}")
    lines += [
        f"  labels: {{severity: {'critical' if rule.is_critical else 'warning'}}}",
        "  annotations:",
        f"    summary: {json.dumps(rule.subject + text.words)}",
        f"    description: {json.dumps(text.next_step)}",
    ]
    return "".join(f"      {line}\n" for line in lines)


def _alert_table() -> Iterator[str]:
    header = ("rule", "fires when", "settings", "next step in the message")
    rows = [
        (
            f"`{rule.name}`",
            rule.condition,
            ", ".join(f"`{setting}`" for setting in rule.settings),
            _next_step(rule.message),
        )
        for rule in RULES
    ]
    return _table(header, rows)


def _prometheus_table() -> Iterator[str]:
    rows = [(f"`{rule.name}`", rule.condition) for rule in prometheus_rules()]
    return _table(("alert", "fires when"), rows)


def _next_step(message: Message) -> str:
    """Return a message's next step with its fields in upper case, as in a usage line."""
    names = [name for _, name, _, _ in string.Formatter().parse(message.words) if name]
    names += [name for _, name, _, _ in string.Formatter().parse(message.next_step) if name]
    return message(**{name: name.upper() for name in names}).next_step.replace("OPTIONS", " …")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "| " + " | ".join("---" for _ in header) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _replaced(page: str, name: str, table: Iterable[str]) -> str:
    """Return a page with its generated table.

    Raises:
        ValueError: the page lacks the marker of the table.
    """
    marker = _MARKER.format(name)
    pattern = re.escape(marker) + r"\n(\|[^\n]*\n)*"
    page, count = re.subn(pattern, lambda _: "\n".join([marker, *table, ""]), page)
    if count != 1:
        raise ValueError(f"the page must have the line {marker} once")
    return page


if __name__ == "__main__":
    for path, text in generated(Path.cwd()).items():
        path.write_text(text, encoding="utf-8")
