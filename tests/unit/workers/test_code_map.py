"""The retailer's map of codes as a file: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.configuration.declaration import SettingsError
from workers.configuration.settings import Settings, load

STORES = """
[stores.acme]
app_key = "k"
app_token = "t"
[stores.outlet]
app_key = "k"
app_token = "t"
"""


def loaded(folder: Path, toml: str, **environ: str) -> Settings:
    (folder / "stores.toml").write_text(STORES)
    path = folder / "map.toml"
    path.write_text(toml)
    return load(
        {"STORES_FILE": str(folder / "stores.toml"), "ERP_CODE_MAP_FILE": str(path)} | environ
    )


def faults(folder: Path, toml: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, toml, **environ)
    return caught.value.message.splitlines()


def test_a_store_has_the_tables_of_all_and_its_own_before_them(tmp_path: Path) -> None:
    codes = loaded(
        tmp_path,
        """
        sku_key = "ref_id"
        [payment]
        "2" = "CARTAO"
        default = "OUTROS"
        [stores.outlet]
        sku_key = "ean"
        branch_by = "channel"
        [stores.outlet.payment]
        "2" = 15
        [stores.outlet.branch]
        "1" = "OUT"
        """,
    ).codes

    assert codes["acme"].tables == {"payment": {"2": "CARTAO", "default": "OUTROS"}}
    assert codes["acme"].kinds == ("payment", "sku")
    assert codes["outlet"].tables["payment"] == {"2": 15, "default": "OUTROS"}
    assert codes["outlet"].kinds == ("payment", "sku", "branch")
    assert (codes["outlet"].sku_key, codes["outlet"].branch_by) == ("ean", "channel")


def test_without_a_file_nothing_is_mapped() -> None:
    assert load({}).codes == {}


def test_all_faults_are_named_at_once_by_their_place(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """
        sku_key = "sku"
        payments = {}
        carrier = "PAC"
        [payment]
        "2" = true
        "3" = ""
        [document]
        rg = "X"
        [stores.nobody.payment]
        [stores.outlet.tax]
        isento = 2
        """,
    )

    assert sorted(found) == sorted(
        [
            "ERP_CODE_MAP_FILE: store 'nobody' is not configured (known: acme, outlet)",
            "ERP_CODE_MAP_FILE: sku_key: 'sku' must be one of sku_id, ref_id, ean",
            "ERP_CODE_MAP_FILE: payments: is unknown (known: sku_key, branch_by, payment, carrier, "
            "channel, sku, branch, document, tax, intermediary)",
            "ERP_CODE_MAP_FILE: carrier: must be a table of entries \"VTEX's code\" = the ERP's",
            "ERP_CODE_MAP_FILE: payment.2: True must be a text or a whole number",
            "ERP_CODE_MAP_FILE: payment.3: '' must have 1 to 128 characters",
            "ERP_CODE_MAP_FILE: document.rg: 'rg' must be one of cpf, cnpj, other, none, default",
            "ERP_CODE_MAP_FILE: stores.outlet.tax.isento: 'isento' must be one of contributor, exempt, "
            "consumer, default",
        ]
    )


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[payment", "ERP_CODE_MAP_FILE: '{path}' is not TOML: "),
        ("stores = 3", "ERP_CODE_MAP_FILE: stores must be tables"),
        ("[stores]\nacme = 3", "ERP_CODE_MAP_FILE: stores.acme is not a table"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, toml: str, fault: str) -> None:
    (found,) = faults(tmp_path, toml)

    assert found.startswith(fault.format(path=tmp_path / "map.toml"))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SettingsError, match=r"ERP_CODE_MAP_FILE: cannot read ./nowhere/map.toml"):
        load({"ERP_CODE_MAP_FILE": "/nowhere/map.toml"})


def test_the_skus_of_an_erp_by_rest_stand_in_its_own_settings(tmp_path: Path) -> None:
    rest = "rest:///etc/vtex-erp/erp.toml"

    (fault,) = faults(tmp_path, 'sku_key = "ean"', ERP_URL=rest)

    assert fault.startswith("ERP_CODE_MAP_FILE: sku: the REST adapter reads its SKUs")
    assert "Move them to [codes.sku]" in fault
    assert loaded(tmp_path, "[payment]", ERP_URL=rest).codes["acme"].kinds == ("payment",)
