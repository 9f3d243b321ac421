"""The side of Odoo's own people, for the conformance checks: on our fake of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from erp.adapters.odoo import notes
from erp.adapters.odoo.adapter import OdooErp
from erp.adapters.odoo.external_ids import MODULE, name
from erp.adapters.shared import http_client as web
from erp.conformance.order_kinds import ORDERS
from erp.port import Erp
from support.fakes.odoo import Odoo

CODES = {"310045", "310102"} | {
    code
    for made in ORDERS.values()
    for line in made().lines
    for code in (line.sku_id, line.ref_id)
    if code
}
PROTOCOLS = {"json-rpc": 11, "json-2": 19}


class FakeOdooHarness:
    """An adapter, its fake, and who works in that."""

    def __init__(self, version: int) -> None:
        self.moment = 0.0
        self.fake = Odoo(version)
        for code in sorted(CODES):
            self.fake.add("product.product", name=code, default_code=code, sale_ok=True)
        self.url = f"odoo+{self.fake.url.replace('//', '//vtex:key@')}/erp"
        self.erp = OdooErp(self.url, clock=lambda: self.moment)

    def sales(self, order_id: str) -> list[dict[str, object]]:
        return self.fake.found("sale.order", client_order_ref=order_id)

    def sale(self, order_id: str) -> int:
        (found,) = self.sales(order_id)
        return int(str(found["id"]))

    def orders(self, order_id: str) -> int:
        found = self.sales(order_id)
        return 0 if all(row["state"] == "draft" for row in found) else len(found)

    @contextmanager
    def failing(self, trouble: str) -> Iterator[Erp]:
        self.fake.over.clear()
        self.fake.trouble = trouble
        before, web.READ_SECONDS = web.READ_SECONDS, 2.0
        try:
            yield self.erp
        finally:
            web.READ_SECONDS = before
            self.fake.trouble = None
            self.fake.over.set()

    @contextmanager
    def losing_answers(self) -> Iterator[Erp]:
        with self.failing("lost") as erp:
            yield erp

    @contextmanager
    def holding_answers_back(self) -> Iterator[str]:
        with self.failing("held"):
            yield self.url

    @contextmanager
    def clock_off_by(self, apart: timedelta) -> Iterator[None]:
        self.fake.ahead = apart
        yield
        self.fake.ahead = timedelta()

    def confirm(self, order_id: str) -> None:
        (picking,) = self.fake.found("stock.picking", sale_id=self.sale(order_id))
        self.fake.put("stock.picking", picking["id"], state="done", date_done=self.fake.stamp())

    def sees_canceled(self, order_id: str) -> bool:
        told = self.fake.found("mail.message", res_id=self.sale(order_id))
        marks = [notes.note(record["id"], record["body"]).mark for record in told]
        return marks.count((notes.EVENT, "canceled")) == 1

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        is_old = self.fake.version < 13
        model = "account.invoice" if is_old else "account.move"
        title, day, kind, link, state = (
            ("number", "date_invoice", "type", "invoice_id", "open")
            if is_old
            else ("name", "invoice_date", "move_type", "move_id", "posted")
        )
        if found := self.fake.found(model, **{title: number}):
            self.fake.put(model, found[0]["id"], at)
            return
        made = self.fake.add(
            model,
            at,
            **{title: number, kind: "out_invoice", day: f"{at:%Y-%m-%d}"},
            state=state,
            amount_total=value,
        )
        lines = self.fake.found("sale.order.line", order_id=self.sale(order_id))
        for sku in skus:
            (own, *_) = [record["id"] for record in lines if f"VTEX SKU {sku}" in record["name"]]
            self.fake.add(
                f"{model}.line", sale_line_ids=[own], quantity=1, price_total=value, **{link: made}
            )

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        (picking,) = self.fake.found("stock.picking", sale_id=self.sale(order_id))
        (carrier,) = self.fake.found("delivery.carrier")
        self.fake.put(
            "stock.picking",
            picking["id"],
            state="done",
            carrier_tracking_ref=tracking_number,
            date_done=self.fake.stamp(),
            carrier_id=carrier["id"],
        )

    def cancel(self, order_id: str) -> None:
        self.fake.put("sale.order", self.sale(order_id), state="cancel")

    # --- the outbox --------------------------------------------------------------------------

    def put(self, order_id: str) -> str:
        sale = self.fake.add(
            "sale.order",
            name="SO1",
            state="cancel",
            client_order_ref=order_id,
            currency_id=self.fake.found("res.currency")[0]["id"],
        )
        self.fake.add(
            "ir.model.data",
            module=MODULE,
            name=name("order", "acme", order_id),
            model="sale.order",
            res_id=sale,
        )
        self.say(sale, "<p>Motivo: acabou</p>")
        return f"odoo:cancel:{sale}"

    def say(self, sale: int, body: str) -> None:
        self.fake.add("mail.message", model="sale.order", res_id=sale, body=body)

    def _whole(self, reference: str) -> notes.Sale:
        sale = int(reference.rsplit(":", 1)[1])
        told = self.fake.found("mail.message", res_id=sale)
        read = [notes.note(record["id"], record["body"]) for record in told]
        return notes.Sale(sale, "acme", "", "cancel", 0, "SO1", read)

    def seen(self, reference: str) -> tuple[str, str | None]:
        sale = self._whole(reference)
        claimed = any(True for _ in sale.marks(notes.CLAIM))
        if not claimed and not notes.is_taken(sale, reference):
            return "waits", None
        outcome = notes.ending(sale, reference)
        if outcome is None:
            return "handed out", None
        told = [entry.text for entry in sale.marks(notes.EVENT) if entry.mark[2] == outcome]
        words = "receipt " if outcome == "done" else ") "
        return outcome, told[-1].split(words)[-1].strip()

    def ask_again(self, reference: str) -> None:
        self.say(int(reference.rsplit(":", 1)[1]), "<p>Reenviar, por favor</p>")

    def let_claims_lapse(self) -> None:
        self.moment += 61.0

    def close(self) -> None:
        self.erp.close()
        self.fake.close()
