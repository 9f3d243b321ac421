"""Read the retailer's map of codes, the TOML file of ``ERP_CODE_MAP_FILE``."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, validate

from erp.codes import DEFAULT, DOCUMENTS, KINDS, TAXES, BranchBy, CodeMap, SkuKey
from foundation.messages import settings as messages
from workers.configuration.declaration import content

_SETTING = "ERP_CODE_MAP_FILE"
_LONGEST = 128
_FIXED_NAMES = {"document": DOCUMENTS, "tax": TAXES}
"""Kinds whose VTEX side is one of a few names that this code defines."""


class _Code(fields.Field[str | int]):
    """A code of the ERP: a text, or a number for ERPs that number things."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValidationError(messages.CODE_NOT_TEXT(code=value))
        if isinstance(value, str) and not 0 < len(value.strip()) <= _LONGEST:
            raise ValidationError(messages.CODE_LENGTH(code=value, longest=_LONGEST))
        return value


def _one_of(*words: str) -> validate.OneOf:
    error = messages.NOT_ONE_OF(value="{input!r}", choices="{choices}")
    return validate.OneOf(words, error=error)


def _table(kind: str) -> fields.Field[Any]:
    words = _FIXED_NAMES.get(kind)
    return fields.Dict(
        keys=fields.String(validate=_one_of(*words, DEFAULT) if words else None),
        values=_Code(),
        error_messages={"invalid": messages.CODES_NOT_A_TABLE()},
    )


_TablesSchema = Schema.from_dict(
    {
        "sku_key": fields.String(validate=_one_of(*get_args(SkuKey))),
        "branch_by": fields.String(validate=_one_of(*get_args(BranchBy))),
    }
    | {kind: _table(kind) for kind in KINDS},
    name="TablesSchema",
)


def of_file(
    path: str | None, stores: Sequence[str], erp_url: str, faults: list[str]
) -> Mapping[str, CodeMap]:
    """Return each store's map by its name, and add the file's faults to ``faults``.

    Args:
        path: the file, None without a map.
        stores: names of the configured stores.
    """
    text = content(_SETTING, path, faults) if path else ""
    if not text:
        return {}
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(messages.NOT_TOML(place=_SETTING, path=path, error=error))
        return {}
    tables = whole.pop("stores", {})
    if not isinstance(tables, dict):
        faults.append(messages.MAP_STORES_WRONG())
        tables = {}
    known = ", ".join(stores) or "none"
    faults += [
        messages.IN_PLACE(place=_SETTING, fault=messages.STORE_UNKNOWN(store=name, known=known))
        for name in tables.keys() - set(stores)
    ]
    common = _loaded(whole, "", faults)
    maps = {
        name: _map(common, _loaded(tables.get(name, {}), f"stores.{name}.", faults))
        for name in stores
    }
    if erp_url.startswith("rest:") and any("sku" in code_map.kinds for code_map in maps.values()):
        faults.append(messages.MAP_SKU_OF_REST())
    return maps


def _loaded(table: Any, where: str, faults: list[str]) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        faults.append(messages.NOT_A_TABLE(place=f"{_SETTING}: {where.rstrip('.')}"))
        return {}
    schema = _TablesSchema()
    wrong = schema.validate(table)
    for key, words in wrong.items():
        place = f"{_SETTING}: {where}{key}"
        if key not in schema.fields:
            faults.append(messages.KEY_UNKNOWN(place=place, known=", ".join(schema.fields)))
            continue
        faults += [
            messages.IN_PLACE(place=f"{place}{entry}", fault=fault)
            for entry, fault in _spelled(words)
        ]
    loaded: Mapping[str, Any] = schema.load({k: v for k, v in table.items() if k not in wrong})
    return loaded


def _spelled(words: Any) -> Iterator[tuple[str, str]]:
    # marshmallow reports the faults of a table by entry, and other faults as a list.
    if not isinstance(words, dict):
        yield "", " ".join(map(str, words))
        return
    for entry, about in words.items():
        texts = [*about.get("key", ()), *about.get("value", ())]
        yield f".{entry}", " ".join(map(str, texts))


def _map(common: Mapping[str, Any], own: Mapping[str, Any]) -> CodeMap:
    return CodeMap(
        tables={
            kind: {**common.get(kind, {}), **own.get(kind, {})}
            for kind in KINDS
            if kind in common or kind in own
        },
        sku_key=own.get("sku_key", common.get("sku_key")),
        branch_by=own.get("branch_by", common.get("branch_by", "warehouse")),
    )
