"""The conformance suite, with what the people at My ERP do."""

from contextlib import closing, contextmanager

import pytest
from my_erp import MyErp
from toy_erp import ToyErp

from erp import conformance


class Harness:
    def __init__(self, _=None):
        self.toy = ToyErp()
        self.url = f"my-erp://127.0.0.1:{self.toy.server_port}"
        self.erp = MyErp(self.url, seconds=1)

    def orders(self, order_id):
        return list(self.toy.sales).count(f"acme/{order_id}")

    def sees_canceled(self, order_id):
        return f"acme/{order_id}/canceled" in self.toy.told

    def confirm(self, order_id):
        """My ERP confirms what it takes."""

    def put(self, order_id, kind="cancellation", **fields):
        reference = str(len(self.toy.outbox) + 1)
        fields = {"store": "acme", "order_id": order_id} | (fields or {"reason": "acabou"})
        row = {"kind": kind, "reference": reference, "fields": fields}
        self.toy.outbox[reference] = row | {"state": "waits"}
        return reference

    def seen(self, reference):
        row = self.toy.outbox[reference]
        return row["state"].replace("claimed", "waits"), row.get("word")

    def ask_again(self, reference):
        self.toy.outbox[reference] |= {"state": "waits", "word": None}

    def let_claims_lapse(self):
        self.toy.claims_lapse()

    def invoice(self, order_id, number, value, skus, at):
        items = [{"sku_id": one, "quantity": 1, "price_cents": 100} for one in skus]
        money = {"value_cents": int(value * 100), "issued_at": at.isoformat()}
        self.put(order_id, "invoice", invoice_number=number, items=items, **money)

    def track(self, order_id, number, tracking_number):
        self.put(order_id, "tracking", invoice_number=number, tracking_number=tracking_number)

    cancel = put

    @contextmanager
    def failing(self, trouble):
        self.toy.trouble = trouble
        yield self.erp
        self.toy.trouble = None
        self.toy.trouble_is_over.set()

    def losing_answers(self):
        return self.failing("lost")

    @contextmanager
    def holding_answers_back(self):
        with self.failing("held"):
            yield self.url

    def close(self):
        self.toy.shutdown()
        self.toy.server_close()


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_my_erp(check):
    with closing(Harness()) as harness:
        check(harness)
