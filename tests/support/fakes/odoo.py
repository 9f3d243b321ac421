"""An Odoo as far as the adapter speaks to it, by JSON-RPC as of 11, or by JSON-2 as of 19."""

from __future__ import annotations

import json
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from support.fakes.base import PAGE, Fake, Reply

KEY = "key"
DATABASE = "erp"
Row = dict[str, Any]

COMMON = {"id": "integer", "write_date": "datetime"}
MODELS: dict[str, dict[str, str]] = {
    "ir.model.data": {"module": "char", "name": "char", "model": "char", "res_id": "integer"},
    "res.partner": {
        "name": "char", "vat": "char", "ref": "char", "email": "char", "phone": "char",
        "is_company": "boolean", "comment": "text", "street": "char", "street2": "char",
        "city": "char", "zip": "char", "type": "selection", "parent_id": "many2one res.partner",
        "country_id": "many2one res.country", "state_id": "many2one res.country.state",
    },
    "res.country": {"name": "char", "code": "char"},
    "res.country.state": {"name": "char", "code": "char", "country_id": "many2one res.country"},
    "res.currency": {"name": "char"},
    "crm.team": {"name": "char"},
    "stock.warehouse": {"name": "char", "code": "char"},
    "product.product": {
        "name": "char", "default_code": "char", "sale_ok": "boolean", "type": "selection",
        "taxes_id": "many2many account.tax", "invoice_policy": "selection",
    },
    "sale.order": {
        "name": "char", "state": "selection", "client_order_ref": "char", "origin": "char",
        "date_order": "datetime", "amount_total": "monetary",
        "currency_id": "many2one res.currency", "partner_id": "many2one res.partner",
        "partner_invoice_id": "many2one res.partner",
        "partner_shipping_id": "many2one res.partner", "team_id": "many2one crm.team",
        "warehouse_id": "many2one stock.warehouse",
        "order_line": "one2many sale.order.line order_id",
        "picking_ids": "one2many stock.picking sale_id",
        "invoice_ids": "many2many INVOICE",
    },
    "sale.order.line": {
        "order_id": "many2one sale.order", "product_id": "many2one product.product",
        "name": "text", "product_uom_qty": "float", "price_unit": "float",
    },
    "stock.picking.type": {"name": "char", "code": "char"},
    "stock.picking": {
        "name": "char", "state": "selection", "sale_id": "many2one sale.order",
        "carrier_tracking_ref": "char", "carrier_id": "many2one delivery.carrier",
        "date_done": "datetime", "picking_type_id": "many2one stock.picking.type",
    },
    "delivery.carrier": {"name": "char"},
    "stock.move": {
        "picking_id": "many2one stock.picking", "sale_line_id": "many2one sale.order.line",
    },
    "mail.message": {
        "model": "char", "res_id": "integer", "body": "html", "message_type": "selection",
        "subtype_id": "many2one mail.message.subtype",
    },
    "mail.message.subtype": {"name": "char"},
}  # fmt: skip

OLD = {
    "account.invoice": {
        "number": "char",
        "reference": "char",
        "name": "char",
        "date_invoice": "date",
        "amount_total": "monetary",
        "state": "selection",
        "type": "selection",
    },
    "account.invoice.line": {
        "invoice_id": "many2one account.invoice",
        "quantity": "float",
        "price_total": "monetary",
        "sale_line_ids": "many2many sale.order.line",
    },
}
NEW = {
    "account.move": {
        "name": "char",
        "ref": "char",
        "payment_reference": "char",
        "invoice_date": "date",
        "amount_total": "monetary",
        "state": "selection",
        "move_type": "selection",
    },
    "account.move.line": {
        "move_id": "many2one account.move",
        "quantity": "float",
        "price_total": "monetary",
        "sale_line_ids": "many2many sale.order.line",
    },
}


class Refused(Exception):
    """What Odoo raises: the name of its exception, and words."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Odoo(Fake):
    """Odoo 11 by JSON-RPC, or 19 by JSON-2 (which knows JSON-RPC's ``common`` as well).

    Attributes:
        confirming: words of the call whose answer gets lost or is held back.
        checks_vat: it refuses a customer for the digits of the document.
        breaks: what it says when a sale is confirmed, in place of confirming it.
    """

    def __init__(self, version: int = 11) -> None:
        self.version = version
        self.models = {
            name: COMMON | fields
            for name, fields in (MODELS | (OLD if version < 13 else NEW)).items()
        }
        invoice = "account.invoice" if version < 13 else "account.move"
        self.models["sale.order"]["invoice_ids"] = f"many2many {invoice}"
        self.tables: dict[str, dict[int, Row]] = {name: {} for name in self.models}
        self.last = 0
        self.confirming = "action_confirm"
        self.checks_vat = False
        self.breaks: Refused | None = None
        super().__init__()
        self.add("res.currency", name="BRL")
        self.add("crm.team", name="acme")
        self.add("stock.warehouse", name="Matriz", code="WH")
        country = self.add("res.country", name="Brazil", code="BR")
        self.add("res.country.state", name="São Paulo", code="SP", country_id=country)
        self.add("stock.picking.type", name="Delivery Orders", code="outgoing")
        self.add("mail.message.subtype", name="Note")
        self.add("delivery.carrier", name="Correios")

    # --- what its people do ------------------------------------------------------------------

    def stamp(self, at: datetime | None = None) -> str:
        return f"{(at or self.now()).astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    def add(self, model: str, at: datetime | None = None, /, **values: Any) -> int:
        self.last += 1
        blank: Row = {
            name: [] if "2many" in kind else False for name, kind in self.models[model].items()
        }
        if unknown := set(values) - set(blank):
            raise Refused("builtins.ValueError", f"Invalid field {unknown} on model {model}")
        row = blank | values | {"id": self.last, "write_date": self.stamp(at)}
        self.tables[model][self.last] = row
        return self.last

    def put(self, model: str, number: int, at: datetime | None = None, /, **values: Any) -> None:
        self.tables[model][number] |= values | {"write_date": self.stamp(at)}

    def found(self, model: str, /, **values: Any) -> list[Row]:
        return [
            row
            for row in self.tables[model].values()
            if all(row[name] == value for name, value in values.items())
        ]

    # --- what it answers ---------------------------------------------------------------------

    def is_new_order(self, path: str, body: str) -> bool:
        return self.confirming in f"{path} {body}"

    def busy(self) -> Reply:
        return 429, PAGE

    def spent(self) -> Reply:
        words = 'could not extend file "base/16384/24715": No space left on device'
        return self.failure(Refused("psycopg2.OperationalError", words))

    def unknown(self) -> Reply:
        if self.version >= 19:
            return self.failure(Refused("werkzeug.exceptions.Unauthorized", "Invalid apikey"))
        return self.failure(Refused("odoo.exceptions.AccessDenied", "Access denied"))

    def failure(self, error: Refused) -> Reply:
        data = {
            "name": error.kind,
            "message": str(error),
            "arguments": [str(error)],
            "context": {},
            "debug": "Traceback (most recent call last): …",
        }
        if self.version >= 19:
            kind = error.kind.rpartition(".")[2]
            known = {"Unauthorized": 401, "AccessError": 403, "NotFound": 404, "UserError": 422}
            return known.get(kind, 500), data
        error_ = {"code": 200, "message": "Odoo Server Error", "data": data}
        return 200, {"jsonrpc": "2.0", "id": 1, "error": error_}

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Reply:
        if method != "POST" or headers.get("Content-Type", "").split(";")[0] != "application/json":
            return 400, PAGE
        sent = json.loads(body)
        try:
            if path == "/jsonrpc":
                return self._rpc(**sent["params"])
            if self.version < 19 or not path.startswith("/json/2/"):
                return 404, PAGE
            if headers.get("Authorization") != f"bearer {KEY}":
                return self.unknown()
            if headers.get("X-Odoo-Database") != DATABASE:
                return 404, PAGE
            _, _, _, model, called = path.split("/")
            ids, context = sent.pop("ids", None), sent.pop("context", {})
            return 200, self._call(model, called, ids, context, sent)
        except Refused as error:
            return self.failure(error)

    def _rpc(self, service: str, method: str, args: list[Any]) -> Reply:
        result: Any = None
        if (service, method) == ("common", "version"):
            result = {"server_version_info": [self.version, 0, 0, "final", 0, ""]}
        elif self.version >= 19:
            raise AssertionError("JSON-RPC is deprecated from 19 on: JSON-2 is to be spoken")
        elif (service, method) == ("common", "authenticate"):
            result = 2 if args == [DATABASE, "vtex", KEY, {}] else False
        else:
            database, user, key, model, called, given, named = args
            if (database, user, key) != (DATABASE, 2, KEY):
                raise Refused("odoo.exceptions.AccessDenied", "Access denied")
            context = named.pop("context", {})
            result = self._call(model, called, given[0] if given else None, context, named)
        answer = {"jsonrpc": "2.0", "id": 1}
        return 200, answer if result is None else answer | {"result": result}

    def _call(
        self, model: str, method: str, ids: list[int] | None, context: Row, named: Row
    ) -> Any:
        if model not in self.models:
            raise Refused("builtins.KeyError", f"'{model}'")
        if method == "load":
            return self._load(model, context, **named)
        done: dict[str, Callable[..., Any]] = {
            "fields_get": self._fields_get,
            "search_read": self._search_read,
        }
        if method in done:
            return done[method](model, **named)
        assert ids is not None, f"{method} wants ids"
        for number in ids:
            if number not in self.tables[model]:
                words = f"Record does not exist or has been deleted. {model}({number},)"
                raise Refused("odoo.exceptions.MissingError", words)
        return getattr(self, f"_{method}")(model, ids, **named)

    def _fields_get(self, model: str, attributes: Sequence[str]) -> Row:
        made = {}
        for name, kind in self.models[model].items():
            words = kind.split()
            told: Row = {"type": words[0]} | ({"relation": words[1]} if words[1:] else {})
            if words[0] == "float":
                told["digits"] = [16, 2 if name == "price_unit" else 3]
            made[name] = {key: value for key, value in told.items() if key in attributes}
        return made

    def _search_read(
        self, model: str, domain: list[Any], fields: list[str], order: str, limit: int | None
    ) -> list[Row]:
        hit = [
            value for value in self.tables[model].values() if self._matches(model, value, domain)
        ]
        for part in reversed(order.split(",")):
            name, _, way = part.strip().partition(" ")
            hit.sort(key=operator.itemgetter(name), reverse=way == "desc")
        return [
            {"id": record["id"]} | {name: self._shown(model, record, name) for name in fields}
            for record in hit[:limit]
        ]

    def _shown(self, model: str, row: Row, name: str) -> Any:
        value, kind = self._value(model, row, name), self._kind(model, name)
        if kind[0] == "many2one" and value:
            return [value, self.tables[kind[1]][value].get("name") or ""]
        return float(value) if isinstance(value, Decimal) else value

    def _kind(self, model: str, name: str) -> list[str]:
        if name not in self.models[model]:
            raise Refused("builtins.ValueError", f"Invalid field {name!r} on model {model!r}")
        return self.models[model][name].split()

    def _value(self, model: str, row: Row, name: str) -> Any:
        kind = self._kind(model, name)
        if kind[0] == "one2many":
            return [record["id"] for record in self.found(kind[1], **{kind[2]: row["id"]})]
        if (model, name) == ("sale.order", "amount_total"):
            lines = self.found("sale.order.line", order_id=row["id"])
            return sum(
                (
                    round(line["product_uom_qty"] * line["price_unit"] + Decimal("1e-9"), 2)
                    for line in lines
                ),
                Decimal(0),
            )
        if (model, name) == ("sale.order", "invoice_ids"):
            line, link = (
                ("account.invoice.line", "invoice_id")
                if self.version < 13
                else ("account.move.line", "move_id")
            )
            own = set(self._value(model, row, "order_line"))
            billed = self.tables[line].values()
            return sorted({row[link] for row in billed if own & set(row["sale_line_ids"])})
        return row[name]

    def _matches(self, model: str, row: Row, domain: list[Any]) -> bool:
        # Prefix notation; what stands side by side is joined by "and".
        stack: list[bool] = []
        for part in reversed(domain):
            if part == "|":
                stack.append(any([stack.pop(), stack.pop()]))
            elif part == "&":
                stack.append(all([stack.pop(), stack.pop()]))
            else:
                stack.append(self._holds(model, row, *part))
        return all(stack)

    def _holds(self, model: str, row: Row, name: str, compared: str, wanted: Any) -> bool:
        first, _, rest = name.partition(".")
        kind, value = self._kind(model, first), self._value(model, row, first)
        if compared == "child_of":
            return wanted in (row["id"], row["parent_id"])
        if rest:
            numbers = value if isinstance(value, list) else [value] if value else []
            table = self.tables[kind[1]]
            return any(
                self._holds(kind[1], table[number], rest, compared, wanted) for number in numbers
            )
        if compared == "in":
            return value in wanted
        if compared == "ilike":
            return bool(value) and wanted.lower() in value.lower()
        if compared in (">=", ">") and value is False:
            return False
        signs = {"=": operator.eq, "!=": operator.ne, ">=": operator.ge, ">": operator.gt}
        if isinstance(value, list):
            value = value or False
        return bool(signs[compared](value, wanted))

    # --- records -----------------------------------------------------------------------------

    def _load(self, model: str, context: Row, fields: list[str], data: list[list[str]]) -> Row:
        module, _, name = data[0][0].partition(".")
        assert (fields[0], "." in name) == ("id", False)
        there = self.found("ir.model.data", module=module, name=name)
        # Its transaction sees what was there when it began; others commit meanwhile.
        self.lock.release()
        time.sleep(0)
        self.lock.acquire()
        if there:
            number = there[0]["res_id"]
            if context.get("mode") != "update":
                raise AssertionError("lines are added once more")
            return {"ids": [number], "messages": []}
        try:
            values, lines = self._converted(model, fields, data)
            self._require(model, values, module, name)
        except Refused as error:
            return self._messages(str(error))
        assert context.get("noupdate") is True
        number = self.add(model, **values)
        self.add("ir.model.data", module=module, name=name, model=model, res_id=number)
        for line in lines:
            self.add("sale.order.line", order_id=number, **line)
        return {"ids": [number], "messages": []}

    def _require(self, model: str, values: Row, module: str, name: str) -> None:
        """Check what is to be made, and fill in what Odoo does by itself."""
        if self.found("ir.model.data", module=module, name=name):
            index = "ir_model_data_module_name_uniq_index"
            words = f'duplicate key value violates unique constraint "{index}"'
            raise Refused("psycopg2.IntegrityError", words)
        if self.checks_vat and values.get("vat"):
            words = f"The VAT number [{values['vat']}] does not seem to be valid."
            raise Refused("odoo.exceptions.ValidationError", words)
        if model == "sale.order":
            currency = self.found("res.currency", name="BRL")[0]["id"]
            values |= {"name": f"SO{self.last:05}", "state": "draft", "currency_id": currency}
        if model == "product.product":
            values["sale_ok"] = True

    @staticmethod
    def _messages(words: str) -> Row:
        return {"ids": False, "messages": [{"type": "error", "message": words, "record": 0}]}

    def _converted(
        self, model: str, fields: list[str], data: list[list[str]]
    ) -> tuple[Row, list[Row]]:
        values: Row = {}
        lines: list[Row] = [{} for _ in data]
        for place, row in enumerate(data):
            for path, text in zip(fields[1:], row[1:], strict=True):
                names = path.split("/")
                if names[0] == "order_line":
                    lines[place][names[1]] = self._read("sale.order.line", names[1:], text)
                elif place == 0:
                    values[names[0]] = self._read(model, names, text)
                else:
                    assert not text
        return values, lines if any(lines) else []

    def _read(self, model: str, names: list[str], text: str) -> Any:
        kind = self._kind(model, names[0])
        assert isinstance(text, str)
        if kind[0] == "many2one":
            if names[1:] == ["id"]:
                assert text == "mail.mt_note"
                return next(iter(self.tables[kind[1]]))
            assert names[1:] == [".id"]
            if int(text) not in self.tables[kind[1]]:
                raise Refused("builtins.ValueError", f"No matching record found for id {text}")
            return int(text)
        if kind[0] == "float":
            value = Decimal(text)
            # The precision of prices is 2, and of quantities 3.
            digits = "0.01" if names[0] == "price_unit" else "0.001"
            return value.quantize(Decimal(digits))
        if kind[0] == "many2many":
            return []
        return {"integer": int, "boolean": bool}.get(kind[0], str)(text) if text else False

    def _write(self, model: str, ids: list[int], vals: Row) -> bool:
        for number in ids:
            self.put(model, number, **vals)
        return True

    def _unlink(self, model: str, ids: list[int]) -> bool:
        for number in ids:
            row = self.tables[model][number]
            if model == "sale.order" and row["state"] not in ("draft", "cancel"):
                words = "You can not delete a sent quotation or a sales order!"
                raise Refused("odoo.exceptions.UserError", words)
            del self.tables[model][number]
            for record in self.found("ir.model.data", model=model, res_id=number):
                del self.tables["ir.model.data"][record["id"]]
        return True

    def _action_confirm(self, model: str, ids: list[int]) -> bool:
        if self.breaks:
            raise self.breaks
        for number in ids:
            if self.tables[model][number]["state"] not in ("draft", "sent"):
                words = "Some orders are not in a state requiring confirmation."
                raise Refused("odoo.exceptions.UserError", words)
            self.put(model, number, state="sale")
            (kind,) = self.found("stock.picking.type")
            picking = self.add(
                "stock.picking",
                name=f"WH/OUT/{number}",
                state="assigned",
                sale_id=number,
                picking_type_id=kind["id"],
            )
            for line in self.found("sale.order.line", order_id=number):
                self.add("stock.move", picking_id=picking, sale_line_id=line["id"])
        return True

    def _action_cancel(self, model: str, ids: list[int]) -> bool | None:
        for number in ids:
            self.put(model, number, state="cancel")
            for record in self.found("stock.picking", sale_id=number):
                self.put("stock.picking", record["id"], state="cancel")
        return True if self.version >= 13 else None
