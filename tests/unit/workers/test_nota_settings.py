"""The settings of notas fiscais: issuers, CFOPs, skipped checks, the day of vNFTot, cents."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from workers import wiring
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import load

STORE = {"VTEX_ACCOUNT": "acme", "VTEX_APP_KEY": "key", "VTEX_APP_TOKEN": "token"}


def test_the_settings_reach_the_rules_of_the_tasks(tmp_path: Path) -> None:
    environ = STORE | {
        "JOURNAL_URL": f"sqlite:///{tmp_path}/journal.db",
        "VTEX_CNPJS": "11.222.333/0001-81, 12ABC34501DE35",
        "NFE_SKIPPED_CHECKS": "order,date",
        "NFE_CFOPS": "5949, 6.949",
        "NFE_VNFTOT_FROM": "2026-07-01",
        "INVOICE_TOLERANCE_CENTS": "5",
    }
    context = wiring.context(load(environ))
    try:
        rules = context.nfe
        assert context.cnpjs == {"acme": ("11222333000181", "12ABC34501DE35")}
        assert (rules.skipped_checks, rules.cfops) == (("order", "date"), ("5949", "6949"))
        assert (rules.vnftot_from, context.invoice_tolerance_cents) == (date(2026, 7, 1), 5)
    finally:
        context.close()


def test_a_store_of_the_file_has_a_list_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "stores.toml"
    file.write_text(
        '[stores.acme]\napp_key = "key"\napp_token = "token"\ncnpjs = ["11.222.333/0001-81"]\n'
    )

    [store] = load({"STORES_FILE": str(file)}).stores

    assert store.cnpjs == ("11222333000181",)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VTEX_CNPJS", "11.222.333", "must be CNPJs"),
        ("NFE_CFOPS", "venda", "must be CFOPs"),
        ("NFE_VNFTOT_FROM", "01/01/2027", "must be a day"),
        ("NFE_SKIPPED_CHECKS", "cpf", "recipient, issuer, date"),
        ("INVOICE_TOLERANCE_CENTS", "-1", "must be"),
    ],
)
def test_a_wrong_value_is_named_beside_a_right_one(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}[^\n]*{words}"):
        load(STORE | {name: value})
