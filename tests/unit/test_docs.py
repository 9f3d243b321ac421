"""The pages that are derived from the code say what the code says."""

import ast
import re
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields

from erp.port import OUTCOMES
from journal.monitoring.metrics_queries import REASONS
from support.settings_page import PAGE, tables, tables_of_page
from tasks.alerts.model import Rule
from tasks.job_kinds import KIND_TASKS, REQUEST_TASKS
from tasks.outbound import request_schemas
from tasks.reconciliation.compare import FindingKind, Fix
from tasks.retry_policy import TaskOutcome
from vtex import statuses
from workers.log import LOG_FIELDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_page_of_settings_has_each_with_its_default_and_an_example() -> None:
    assert tables_of_page() == tables(), "run make settings-page"


def test_the_page_of_settings_names_every_key_in_redis() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "workers").rglob("*.py"))
    page = PAGE.read_text(encoding="utf-8").split("## Keys in Redis")[1]

    in_code = re.findall(r'"(vtex-erp:[a-z][^" ]*)"', re.sub(r"\{.*?\}", "*", code))
    on_page = re.findall(r"^\| `(.*?)`", re.sub(r"\b[A-Z]+\b", "*", page), re.MULTILINE)
    assert sorted(in_code) == sorted(on_page)


def test_the_page_of_operations_has_every_field_of_the_log() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    always = ("at", "level", "logger", "message", "error", "trace")
    used = {
        key.value
        for layer in ("foundation", "vtex", "erp", "journal", "tasks", "workers")
        for path in (ROOT / layer).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.keyword) and call.arg == "extra"
        for fields in ast.walk(call.value)
        if isinstance(fields, ast.Dict)
        for key in fields.keys
        if isinstance(key, ast.Constant)
    }

    assert used <= {*LOG_FIELDS}
    assert fields_of(page, "## Log fields") == {*always, *LOG_FIELDS}


def test_the_readme_stays_under_200_lines():
    readme = Path(__file__).parents[2] / "README.md"

    assert len(readme.read_text(encoding="utf-8").splitlines()) < 200


def test_every_test_that_a_page_names_exists() -> None:
    root = DOCS.parent
    modules = {
        path.name for name in ("tests", "examples") for path in (root / name).rglob("test_*")
    }

    for page in (*DOCS.rglob("*.md"), *root.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"\btest_\w+\.py", text)) <= modules, page
        for path in re.findall(r"\btests/[\w/.]*\w", text):
            # CONTRIBUTING.md names the file that a developer creates.
            assert (root / path).exists() or "my_erp" in path, f"{page}: {path}"


def fields_of(page: str, heading: str) -> set[str]:
    section = page.split(heading)[1].split("\n## ", maxsplit=1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


TYPES: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.List, "list"),
    (fields.Field, "text"),
)
"""A field's type in the page: the first that fits."""


def described(schema: Schema) -> dict[str, tuple[str, bool]]:
    return {
        name: (next(word for kind, word in TYPES if isinstance(field, kind)), field.required)
        for name, field in schema.fields.items()
    }


def rows_of(page: str, heading: str) -> dict[str, tuple[str, bool]]:
    section = page.split(heading)[1].split("\n## ", maxsplit=1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+)[^|]* \| ([^|]+) \|", section, re.MULTILINE)
    return {name: (kind, required == "yes") for name, kind, required in rows}


def test_the_message_contract_has_every_field_with_its_type_and_no_other() -> None:
    page = (DOCS / "messages.md").read_text(encoding="utf-8")

    for kind, task in REQUEST_TASKS.items():
        wanted = described(request_schemas.SCHEMAS[KIND_TASKS[kind].payload]())
        if kind == "invoice":
            wanted |= described(request_schemas._InvoiceItem())
        assert rows_of(page, f"## `{task}`") == wanted
    for name in request_schemas._TrackingEvent().fields:
        assert f"`{name}`" in page
    common = rows_of(page, "Every request carries:\n")
    assert set(common) == {*request_schemas.NAMES, "contract"}
    assert f"(version {request_schemas.VERSION})" in page.splitlines()[0]


def test_the_message_contract_has_every_outcome() -> None:
    page = (DOCS / "messages.md").read_text(encoding="utf-8")

    assert fields_of(page, "\n## Outcomes\n") == set(OUTCOMES)


def test_the_table_of_cancellations_has_every_status() -> None:
    page = (DOCS / "cancellations.md").read_text(encoding="utf-8")

    assert not [value for value in statuses._MAY_CANCEL if f"`{value}`" not in page]


def test_the_page_of_reconciliation_has_every_finding_and_every_fix() -> None:
    page = (DOCS / "reconciliation.md").read_text(encoding="utf-8")

    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows[1:]] == [str(value) for value in FindingKind]
    assert not [value for value in Fix if value is not Fix.NOTHING and f"`{value}`" not in page]


def test_every_page_is_linked_and_every_link_leads_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\(([\w./-]+\.md)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_page_of_alerts_has_every_rule() -> None:
    page = (DOCS / "alerts.md").read_text(encoding="utf-8")

    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert rows == [str(value) for value in Rule]


# --- metrics ----------------------------------------------------------------------------------


def metrics_of_code() -> set[str]:
    """Return the metrics as Prometheus names them: counters and infos have a suffix."""
    names = set()
    for path in (ROOT / "workers/monitoring").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call | ast.Tuple):
                first = node.args[0] if isinstance(node, ast.Call) and node.args else node
                first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else first
                kind = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                text = first.value if isinstance(first, ast.Constant) else None
                if isinstance(text, str) and re.fullmatch(r"vtex_erp_\w+", text):
                    names.add(text + {"Counter": "_total", "Info": "_info"}.get(kind, ""))
    return names


def test_the_page_of_metrics_has_every_metric() -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(vtex_erp_\w+)", page, re.MULTILINE)) == metrics_of_code()


def test_the_page_of_metrics_has_every_outcome_and_every_reason() -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    words = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))

    assert words >= {*map(str, TaskOutcome), *REASONS}


def test_the_dashboard_and_the_rules_of_prometheus_use_metrics_that_exist() -> None:
    files = ("grafana/dashboards/vtex-erp.json", "prometheus/rules.yml")
    text = "".join((ROOT / "deploy" / name).read_text(encoding="utf-8") for name in files)

    named = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"vtex_erp_\w+", text)
    }
    assert named <= metrics_of_code()
