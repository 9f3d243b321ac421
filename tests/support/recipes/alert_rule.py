"""A store without any order raises an alert."""

from __future__ import annotations

from support.recipes.recipe import Recipe

_CONDITION = "the journal has no order of a store"
_NEXT_STEP = "Run vtex-erp orders sync --store"

RECIPE = Recipe(
    "Add an alert rule",
    {
        "tasks/alerts/model.py": [
            (
                '    CLOCK_SKEW = "clock_skew"\n',
                '    CLOCK_SKEW = "clock_skew"\n    NEVER_SOLD = "never_sold"\n',
            )
        ],
        "foundation/messages/alerts.py": [
            (
                "",
                f"""NEVER_SOLD = message(
    "VE-6999", "{_CONDITION}", "{_NEXT_STEP} {{store}}"
)
""",
            )
        ],
        "tasks/alerts/queries.py": [
            (
                "def store_paused(",
                '''def never_sold(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that a store has no order."""
    if store.name not in evaluation.last_orders:
        text = messages.NEVER_SOLD(store=store.name)
        yield _problem(Rule.NEVER_SOLD, store.name, text, evaluation.now)


def store_paused(''',
            )
        ],
        "tasks/alerts/rules.py": [
            (
                ')\n"""All rules of the workers',
                f"""    AlertRule(
        Rule.NEVER_SOLD,
        "{_CONDITION}",
        messages.NEVER_SOLD,
        store_query=queries.never_sold,
    ),
)
\"\"\"All rules of the workers""",
            )
        ],
        "docs/alerts.md": [
            (
                "\n\nA problem must last",
                f"\n| `never_sold` | {_CONDITION} |  | {_NEXT_STEP} STORE |\n\nA problem must last",
            )
        ],
    },
    """
from pathlib import Path

from journal.journal import Journal
from tasks.alerts.evaluation import evaluate
from tasks.alerts.generate import generated
from tasks.alerts.model import AlertPolicy, MonitoredStore

journal = Journal("sqlite:///journal.db")
journal.migrate()
policy = AlertPolicy([MonitoredStore("acme")])
(problem,) = evaluate(journal, policy, journal.now())
page = Path("docs/alerts.md")

assert (problem.rule, problem.store) == ("never_sold", "acme")
assert generated(Path())[page] == page.read_text(encoding="utf-8")
""",
)
