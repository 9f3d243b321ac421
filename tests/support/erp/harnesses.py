"""The ERP's own side of the adapters that ship, for the conformance checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import event, make_url

from erp.adapters.sql.adapter import SqlErp
from erp.conformance import NotOffered
from erp.port import Erp, Request
from support.connection_proxy import ConnectionProxy
from support.erp.outboxes import MemoryOutbox, SqlOutbox

DRAWN = "INSERT INTO int_outbox (kind, store, order_id, invoice_number"


class MemoryHarness(MemoryOutbox):
    """An ERP in this process."""

    url = None

    def orders(self, order_id: str) -> int:
        return sum(order == ("acme", order_id) for order in self.erp.orders)

    @contextmanager
    def failing(self, trouble: str) -> Iterator[Erp]:
        if trouble != "down":
            raise NotOffered(f"memory is never {trouble}")
        self.erp.is_down = True
        yield self.erp
        self.erp.is_down = False

    def confirm(self, order_id: str) -> None:
        """It takes what it is given."""

    def sees_canceled(self, order_id: str) -> bool:
        return ("acme", order_id, "canceled") in self.erp.events

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        items = [{"sku_id": sku, "quantity": 1, "price_cents": 100} for sku in skus]
        self._ask(
            "invoice",
            order_id,
            invoice_number=number,
            value_cents=int(value * 100),
            issued_at=at.isoformat(),
            items=items,
        )

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        self._ask("tracking", order_id, invoice_number=number, tracking_number=tracking_number)

    def cancel(self, order_id: str) -> None:
        self._ask("cancellation", order_id, reason="acabou")

    @contextmanager
    def clock_off_by(self, apart: timedelta) -> Iterator[None]:
        yield

    def _ask(self, kind: str, order_id: str, **fields: object) -> None:
        number = len(self.erp.outbox) + len(self.erp.handed_out)
        whole = {"store": "acme", "order_id": order_id, **fields}
        self.erp.outbox.append(Request(kind, f"memory:{number}", whole))


class SqlHarness(SqlOutbox):
    """An ERP that reads and writes the integration tables."""

    def orders(self, order_id: str) -> int:
        query = "SELECT count(*) FROM int_order WHERE store = 'acme' AND order_id = :order"
        return int(self.rows(query, order=order_id)[0][0])

    @contextmanager
    def losing_answers(self) -> Iterator[Erp]:
        # PostgreSQL's order is one statement, which commits by itself; MariaDB's is several.
        words = {"postgresql": b"int_order_raw", "mysql": b"COMMIT", "mariadb": b"COMMIT"}
        with self._through_proxy() as (proxy, erp):
            erp.find("acme", "nobody-01")
            proxy.lose_after = words[make_url(self.url).get_backend_name()]
            yield erp
            assert proxy.lost

    @contextmanager
    def failing(self, trouble: str) -> Iterator[Erp]:
        if make_url(self.url).get_backend_name() == "sqlite":
            with self._file_failing(trouble) as erp:
                yield erp
        elif trouble == "down":
            with self._through_proxy() as (proxy, erp):
                erp.find("acme", "nobody-01")
                proxy.cut = True
                proxy.break_all()
                yield erp
        elif trouble == "locked":
            with self._made(make_url(self.url).set(username="nobody", password="wrong")) as erp:
                yield erp
        elif trouble == "slow" and make_url(self.url).get_backend_name() == "postgresql":
            with self._engine.begin() as db:
                db.exec_driver_sql("LOCK TABLE int_order IN ACCESS EXCLUSIVE MODE")
                yield self.erp
        else:
            raise NotOffered(f"a server that other tests share is not made {trouble}")

    def confirm(self, order_id: str) -> None:
        self.write(
            "UPDATE int_order SET erp_state = 'IMPORTED' WHERE order_id = :order", order=order_id
        )

    def sees_canceled(self, order_id: str) -> bool:
        query = "SELECT event_key FROM int_order_event WHERE order_id = :order"
        return self.rows(query, order=order_id) == [("canceled",)]

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        with self._engine.begin() as db:
            cents, moment = int(value * 100), at.isoformat()
            db.exec_driver_sql(
                f"{DRAWN}, value_cents, issued_at) VALUES"
                f" ('INVOICE', 'acme', '{order_id}', '{number}', {cents}, '{moment}')"
            )
            (row,) = db.exec_driver_sql("SELECT max(id) FROM int_outbox").one()
            for place, sku in enumerate(skus, start=1):
                db.exec_driver_sql(
                    "INSERT INTO int_outbox_item (int_outbox_id, line_no, sku_id, quantity,"
                    f" price_cents) VALUES ({row}, {place}, '{sku}', 1, 100)"
                )

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        self.write(
            f"{DRAWN}, tracking_number) VALUES ('TRACKING', 'acme', :order, :number, :parcel)",
            order=order_id,
            number=number,
            parcel=tracking_number,
        )

    def cancel(self, order_id: str) -> None:
        self.put(order_id)

    @contextmanager
    def clock_off_by(self, apart: timedelta) -> Iterator[None]:
        self.moment -= apart
        yield
        self.moment += apart

    @contextmanager
    def _file_failing(self, trouble: str) -> Iterator[Erp]:
        parsed = make_url(self.url)
        if trouble == "down":
            # The folder is there, the share with the file is not.
            folder = Path(str(parsed.database)).parent
            with self._made(parsed.set(database=str(folder))) as erp:
                yield erp
        elif trouble == "full":
            with self._made(parsed) as erp:
                engine = erp._database._made().engine
                event.listen(engine, "connect", _full)
                yield erp
        elif trouble == "slow":
            raise NotOffered("SQLite waits 30 s for the lock of a writer, longer than a test may")
        else:
            raise NotOffered(f"a file is never {trouble}")

    @contextmanager
    def _through_proxy(self) -> Iterator[tuple[ConnectionProxy, SqlErp]]:
        parsed = make_url(self.url)
        if parsed.get_backend_name() == "sqlite":
            raise NotOffered("there is no wire to a file")
        folder = parsed.query.get("host")
        proxy = ConnectionProxy(
            f"{folder}/.s.PGSQL.{parsed.port or 5432}" if folder else int(parsed.port)
        )
        try:
            by_wire = parsed.difference_update_query(["host"])
            with self._made(by_wire.set(host="127.0.0.1", port=proxy.port)) as erp:
                yield proxy, erp
        finally:
            proxy.close()

    @contextmanager
    def _made(self, url: object) -> Iterator[SqlErp]:
        erp = SqlErp(url.render_as_string(hide_password=False))  # type: ignore[attr-defined]
        try:
            yield erp
        finally:
            erp.close()


def _full(connection: object, _: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]
