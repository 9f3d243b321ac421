"""The alert rules by Prometheus's own tool: each fires for its fault, and none without one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.servers import ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
HEALTHY = {
    'vtex_erp_orders_discovered_total{store="acme",task="orders.list",instance="w1"}': "0+2x{n}",
    'vtex_erp_last_order_timestamp_seconds{store="acme"}': "0+{step}x{n}",
    'vtex_erp_oldest_open_job_age_seconds{store="acme",kind="intake"}': "40x{n}",
    'vtex_erp_oldest_open_job_age_seconds{store="acme",kind="invoice"}': "3000x{n}",
    'vtex_erp_store_paused{store="acme"}': "0x{n}",
    "vtex_erp_erp_down_seconds": "0x{n}",
    'vtex_erp_rate_limit_used_calls_per_minute{store="acme"}': "600x{n}",
    'vtex_erp_rate_limit_allowed_calls_per_minute{store="acme"}': "4800x{n}",
    'vtex_erp_vtex_calls_total{store="acme",endpoint="order",status="429",instance="w1"}': "0x{n}",
    'vtex_erp_feed_healthy{store="acme"}': "1x{n}",
    "vtex_erp_beat_active": "1x{n}",
    'vtex_erp_tasks_total{task="journal.dispatch",outcome="done",instance="w1"}': "0+30x{n}",
    'vtex_erp_clock_skew_seconds{instance="w1"}': "0.2x{n}",
    'vtex_erp_outcomes_unreported{kind="invoice"}': "3x{n}",
    'vtex_erp_reconciliation_findings{store="acme",finding="absent_here"}': "0x{n}",
    'vtex_erp_up{server="journal"}': "1x{n}",
    'vtex_erp_process_info{kind="worker",instance="w1"}': "1x{n}",
}
MINUTES = 120
FAULTS: dict[str, dict[str, str | None]] = {
    "VtexErpNoOrderForADay": {'vtex_erp_last_order_timestamp_seconds{store="acme"}': "-90000x{n}"},
    "VtexErpOrderDelayed": {
        'vtex_erp_oldest_open_job_age_seconds{store="acme",kind="intake"}': "0+60x{n}"
    },
    "VtexErpRequestDelayed": {
        'vtex_erp_oldest_open_job_age_seconds{store="acme",kind="invoice"}': "20000+60x{n}"
    },
    "VtexErpDeadLetters": {
        'vtex_erp_dead_letters{store="acme",kind="intake",reason="erp_rejected",instance="a"}': "2x{n}",
        'vtex_erp_dead_letters{store="acme",kind="intake",reason="erp_rejected",instance="b"}': "2x{n}",
    },
    "VtexErpStorePaused": {'vtex_erp_store_paused{store="acme"}': "1x{n}"},
    "VtexErpErpDown": {"vtex_erp_erp_down_seconds": "0+60x{n}"},
    "VtexErpRateLimitExhausted": {
        'vtex_erp_rate_limit_used_calls_per_minute{store="acme"}': "4790x{n}"
    },
    "VtexErpThrottled": {
        'vtex_erp_vtex_calls_total{store="acme",endpoint="order",status="429",instance="w1"}': (
            "0+1x{n}"
        )
    },
    "VtexErpFeedBroken": {'vtex_erp_feed_healthy{store="acme"}': "0x{n}"},
    "VtexErpBeatSilent": {"vtex_erp_beat_active": "0x{n}"},
    "VtexErpBeatSilent: its sweeps reach nobody": {
        'vtex_erp_tasks_total{task="journal.dispatch",outcome="done",instance="w1"}': "9x{n}"
    },
    "VtexErpClockSkew": {'vtex_erp_clock_skew_seconds{instance="w1"}': "-9x{n}"},
    "VtexErpOutcomesUnreported": {'vtex_erp_outcomes_unreported{kind="invoice"}': "101x{n}"},
    "VtexErpReconciliationFindings": {
        'vtex_erp_reconciliation_findings{store="acme",finding="absent_here"}': "4x{n}"
    },
    "VtexErpServerDown": {'vtex_erp_up{server="journal"}': "0x{n}"},
    "VtexErpNoMetrics": {'vtex_erp_up{server="journal"}': None},
    "VtexErpNoWorkers": {'vtex_erp_process_info{kind="worker",instance="w1"}': None},
}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool: install prometheus (Debian)")
    return found


def check(
    promtool: str,
    folder: Path,
    expected: list[str],
    *,
    minutes: int = MINUTES,
    step: int = 1,
    **changed: str | None,
) -> str:
    """Let promtool play series and see which alerts fire at the end; return what differs."""
    series = {k: v for k, v in (HEALTHY | changed).items() if v is not None}
    n = minutes // step
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{step}m",
        "tests": [
            {
                "interval": f"{step}m",
                "input_series": [
                    {
                        "series": name,
                        "values": values.replace("{n}", str(n)).replace("{step}", str(60 * step)),
                    }
                    for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{minutes}m",
                        "exp_samples": [
                            {
                                "labels": json.dumps({"alertname": value}).replace(
                                    '"alertname": ', "alertname="
                                ),
                                "value": 1,
                            }
                            for value in expected
                        ],
                    }
                ],
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump(test))
    ran = subprocess.run(
        [promtool, "test", "rules", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_the_rules_and_the_configuration_are_sound(promtool: str) -> None:
    for kind, name in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        ran = subprocess.run(
            [promtool, "check", kind, str(RULES.parent / name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_nothing_fires_while_all_is_well(promtool: str, tmp_path: Path) -> None:
    assert not check(promtool, tmp_path, [])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fires_its_alert_and_no_other(promtool: str, tmp_path: Path, fault: str) -> None:
    assert not check(promtool, tmp_path, [fault.partition(":")[0]], **FAULTS[fault])


def test_a_store_that_sells_nothing_fires_only_where_it_sold_a_week_ago(
    promtool: str, tmp_path: Path
) -> None:
    found = 'vtex_erp_orders_discovered_total{store="acme",task="orders.list",instance="w1"}'
    week = 7 * 24 * 12
    sold, quiet = f"0+1x{week} {week}x48", f"0x{week} 0x48"
    last = {'vtex_erp_last_order_timestamp_seconds{store="acme"}': "0+300x{n}"}
    steady = {'vtex_erp_tasks_total{task="journal.dispatch",outcome="done",instance="w1"}': None}
    minutes = (week + 48) * 5

    for values, expected in ((sold, ["VtexErpNoNewOrders"]), (quiet, [])):
        wrong = check(
            promtool,
            tmp_path,
            expected,
            minutes=minutes,
            step=5,
            **{found: values},
            **last,
            **steady,
        )
        assert not wrong


def test_every_alert_is_tried() -> None:
    tried = {fault.partition(":")[0] for fault in FAULTS} | {"VtexErpNoNewOrders"}

    assert {alert["alert"] for alert in ALERTS} == tried


def test_every_alert_says_what_to_do() -> None:
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"]["summary"]
        said = alert["annotations"]["description"]
        assert re.search(r"vtex-erp |celery -A|docs/|NTP|METRICS_PORT", said), alert["alert"]
