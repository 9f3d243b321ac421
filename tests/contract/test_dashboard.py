"""The Grafana dashboard by Grafana's own types; its questions are asked in tests/system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from support.servers import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "vtex-erp.json").read_text())


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield where Grafana's types have no place for what the dashboard says."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in (kept or {}):
                if value not in (None, [], {}, False, ""):
                    yield f"{path}.{name}"
            else:
                yield from lost(value, kept[name], f"{path}.{name}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for place, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{path}[{place}]")
    elif given != kept:
        yield path


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    register_default_plugins()

    read = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))

    assert not list(lost(DASHBOARD, read))
    assert list(lost({"panels": [{"fieldConfg": 1}]}, {"panels": [{}]})), "a typo is not seen"


def test_no_panel_covers_another_and_each_says_what_it_shows() -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in DASHBOARD["panels"]]

    for (title, a), (other, b) in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, f"{title} and {other}"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["description"] for panel in DASHBOARD["panels"] if panel["type"] != "row")


def test_it_is_provisioned_with_the_prometheus_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (source,) = yaml.safe_load(
        (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )["datasources"]
    (provider,) = yaml.safe_load(
        (GRAFANA / "provisioning" / "dashboards" / "vtex-erp.yml").read_text()
    )["providers"]

    assert source["url"] == "http://prometheus:9090"
    mounted = services["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounted
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in mounted
