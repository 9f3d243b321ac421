"""My ERP speaks HTTP: ERP_URL=my-erp://erp.internal:8080, its key in MY_ERP_KEY."""

import os

import requests

from erp.port import ErpRejected, ErpUnavailable, Request


class MyErp:
    def __init__(self, url, seconds=20):
        self._base = url.replace("my-erp://", "http://", 1)
        headers = {"Authorization": f"Bearer {os.environ.get('MY_ERP_KEY', '')}"}
        self._how = {"headers": headers, "timeout": seconds}

    def insert(self, order):
        lines = [[line.sku_id, line.quantity, str(line.total)] for line in order.lines_to_deliver]
        sale = {"total": str(order.total), "freight": str(order.shipping), "lines": lines}
        sale |= {"name": order.customer.name, "document": order.customer.document}
        return str(self._call("sale", key=f"{order.store}/{order.order_id}", **sale)["number"])

    def find(self, store, order_id):
        number = self._call("find", key=f"{store}/{order_id}")["number"]
        return None if number is None else str(number)

    def report(self, event):
        told = {"outcome": event.outcome, "word": event.receipt or event.reason}
        key = f"{event.store}/{event.order_id}/{event.key}"
        self._call("event", key=key, reference=event.reference, kind=event.kind, **told)

    def poll_outbox(self, take, limit):
        for count in range(limit):
            row = self._call("claim")
            if not row:
                return count
            take(Request(row["kind"], row["reference"], row["fields"]))
            self._call("taken", reference=row["reference"])
        return limit

    def migrate(self):
        """My ERP needs no tables of ours, and no connection stays open."""

    close = migrate

    def check(self):
        self._call("find", key="")
        return "My ERP"

    def _call(self, path, **body):
        try:
            answer = requests.post(f"{self._base}/{path}", json=body, **self._how)
            if answer.status_code == 422:
                raise ErpRejected(answer.json()["reason"])
            if answer.status_code != 200:
                # Also a wrong key: no order is at fault, so they wait.
                raise ErpUnavailable(f"My ERP answered HTTP {answer.status_code}")
            return answer.json()
        except requests.RequestException as error:
            raise ErpUnavailable(f"My ERP does not answer: {type(error).__name__}") from None
