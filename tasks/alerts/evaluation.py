"""The evaluation of all alert rules.

Both functions work without Celery and without a clock: a simulation passes its journal and time.
"""

from datetime import datetime, timedelta

from journal.journal import Journal
from journal.monitoring.alerts import Problem, RuleScope
from tasks.alerts.model import AlertPolicy, Rule, Usage
from tasks.alerts.queries import Evaluation
from tasks.alerts.rules import RULES

MEMORY = timedelta(days=2)
"""A problem that was seen within this time may explain another problem."""


def evaluate(
    journal: Journal, policy: AlertPolicy, now: datetime, usage: Usage | None = None
) -> list[Problem]:
    """Return the problems of a moment, without a change of alerts.

    The result depends on the journal's rows and the arguments alone. A test without clock and
    network plays a month of a store in seconds. The counts of orders by hour are
    brought up to date first.

    Args:
        journal: its own clock does not matter.
        now: aware, and at least as late as the journal's rows.
        usage: use of the rate limits. Without it RATE_LIMIT_EXHAUSTED finds no problem.
    """
    last_orders = journal.order_rates.count(now)
    shortest = min((store.max_wait for store in policy.stores), default=timedelta(0))
    evaluation = Evaluation(
        journal,
        now,
        usage or {},
        journal.alert_queries.snapshot(now, waits=shortest),
        policy,
        last_orders,
        journal.alerts.last_seen(now - MEMORY),
    )
    return [
        problem
        for rule in RULES
        if rule.name not in policy.ignored
        for problem in rule.problems(evaluation)
    ]


def update_alerts(
    journal: Journal, policy: AlertPolicy, now: datetime, usage: Usage | None = None
) -> None:
    """Evaluate all rules and update the alerts: open them, keep them open, resolve them.

    It sends no message (``tasks.alerts.delivery``). A second call at the same moment changes
    nothing. A caller that does not evaluate each minute sets ``AlertPolicy.check_interval``. A
    problem does not count as having lasted over a longer gap.
    """
    journal.heartbeats.register_stores([store.name for store in policy.stores], now)
    problems = evaluate(journal, policy, now, usage)
    journal.alerts.observe(problems, checked_scopes(policy, usage or {}), policy.timing, now=now)


def checked_scopes(policy: AlertPolicy, usage: Usage) -> set[RuleScope]:
    """Return the rules and stores that an evaluation covers."""
    names = [store.name for store in policy.stores]
    scopes: set[RuleScope] = {(rule.name, "") for rule in RULES if rule.of_cluster}
    scopes |= {(rule.name, name) for rule in RULES if rule.of_stores for name in names}
    # The use is unknown while Redis does not answer.
    return scopes - {(Rule.RATE_LIMIT_EXHAUSTED, name) for name in names if name not in usage}
