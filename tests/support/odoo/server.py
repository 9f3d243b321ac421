"""A real Odoo 11 for the tests, of its own Python 3.6, and the clerk who works with it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, make_url, text

from erp.adapters.odoo.adapter import OdooErp
from erp.port import Erp
from support.connection_proxy import ConnectionProxy
from support.servers import ROOT, Process, eventually, free_port

VENV = ROOT / ".venv-odoo"
HERE = Path(__file__).parent
MODULES = "sale_management,stock,account_invoicing,sale_stock,delivery,l10n_generic_coa"
# It takes a minute to make, too long for each worker of make test.
MISSING = (
    "a real Odoo 11 is met by make test-erp alone"
    if not os.environ.get("TEST_ODOO")
    else None
    if (VENV / "bin" / "python").exists()
    else "no Odoo 11 here: it needs Python 3.6; run make test-erp PYTHON36=/path/to/python3.6"
)
PROGRAM = "import odoo.cli; odoo.cli.main()"

_spec = importlib.util.spec_from_file_location("odoo_set_up", HERE / "set_up.py")
assert _spec is not None
assert _spec.loader is not None
set_up: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(set_up)


class OdooServer:
    """An Odoo with a database of its own in a PostgreSQL of the tests; made in about a minute."""

    database = "odoo_tests"

    def __init__(self, folder: Path, postgres: str, codes: list[str]) -> None:
        self.folder, self.port = folder, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._postgres = make_url(postgres)
        # Odoo refuses PostgreSQL's superuser of that name.
        self._sql(
            "DROP DATABASE IF EXISTS odoo_tests WITH (FORCE)",
            "DROP ROLE IF EXISTS odoo_tests",
            "CREATE ROLE odoo_tests LOGIN CREATEDB PASSWORD 'odoo_tests'",
            "CREATE DATABASE odoo_tests OWNER odoo_tests TEMPLATE template0 ENCODING 'UTF8'",
        )
        self._config()
        self._run("-i", MODULES, "--without-demo=all", "--stop-after-init")
        self.process = Process(self._command(), self._env(), folder / "odoo.log")
        self.process.start()
        eventually(self._answers, 90, "Odoo does not come up")
        self.admin = set_up.Admin(self.base, self.database)
        # Odoo ends with 0 also where a module did not load.
        installed = [["name", "in", MODULES.split(",")], ["state", "=", "installed"]]
        assert len(self.admin.find("ir.module.module", *installed)) == len(MODULES.split(","))
        set_up.set_up(self.admin, codes)

    @property
    def url(self) -> str:
        return f"odoo+http://vtex:key@127.0.0.1:{self.port}/{self.database}"

    @property
    def admins_url(self) -> str:
        return f"odoo+http://admin:admin@127.0.0.1:{self.port}/{self.database}"

    def stop(self) -> None:
        self.process.kill(signal.SIGTERM)
        self._sql("DROP DATABASE odoo_tests WITH (FORCE)", "DROP ROLE odoo_tests")

    def _sql(self, *statements: str) -> None:
        url = self._postgres.set(drivername="postgresql+psycopg", database="postgres")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            for statement in statements:
                db.execute(text(statement))
        engine.dispose()

    def _config(self) -> None:
        host = self._postgres.query.get("host") or self._postgres.host
        (self.folder / "odoo.conf").write_text(
            f"[options]\ndb_host = {host}\ndb_port = {self._postgres.port or 5432}\n"
            "db_user = odoo_tests\ndb_password = odoo_tests\n"
            f"data_dir = {self.folder}/data\nworkers = 0\nmax_cron_threads = 0\n"
            f"xmlrpc_interface = 127.0.0.1\nxmlrpc_port = {self.port}\n"
        )

    def _env(self) -> Mapping[str, str]:
        # Else the first request imports every addon of the wheels, and fails.
        return dict(os.environ) | {"ODOO_PRELOAD_ADDONS": "no"}

    def _command(self) -> list[str]:
        config = str(self.folder / "odoo.conf")
        return [str(VENV / "bin" / "python"), "-c", PROGRAM, "-c", config, "-d", self.database]

    def _run(self, *options: str) -> None:
        done = subprocess.run(
            [*self._command(), *options],
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.base}/web/login", timeout=30).status_code > 0
        except requests.RequestException:
            return False


class RealOdooHarness:
    """What Odoo's people do, for the conformance checks. Its outbox is played by test_odoo.py."""

    def __init__(self, server: OdooServer) -> None:
        self.admin = server.admin
        self.url = server.url
        self.erp = OdooErp(self.url)

    def sale(self, order_id: str) -> dict[str, Any]:
        fields = ["state", "amount_total", "order_line", "picking_ids", "partner_id", "name"]
        domain = [["client_order_ref", "=", order_id], ["team_id.name", "=", "acme"]]
        (found,) = self.admin.call("sale.order", "search_read", domain, fields)
        made: dict[str, Any] = found
        return made

    def orders(self, order_id: str) -> int:
        return len(self.admin.find("sale.order", ["client_order_ref", "=", order_id]))

    @contextmanager
    def losing_answers(self) -> Iterator[Erp]:
        proxy = ConnectionProxy(make_url(self.url).port or 0)
        erp = OdooErp(str(self.url).replace(f":{make_url(self.url).port}/", f":{proxy.port}/"))
        proxy.lose_after = b"action_confirm"
        try:
            yield erp
            assert proxy.lost
        finally:
            erp.close()
            proxy.close()

    def confirm(self, order_id: str) -> None:
        self.send(order_id)

    def sees_canceled(self, order_id: str) -> bool:
        domain = [
            ["model", "=", "sale.order"],
            ["res_id", "=", self.sale(order_id)["id"]],
            ["body", "ilike", "#vtex-erp event canceled"],
        ]
        return len(self.admin.find("mail.message", *domain)) == 1

    def cancel(self, order_id: str) -> None:
        self.admin.call("sale.order", "action_cancel", [self.sale(order_id)["id"]])

    def send(self, order_id: str, parcel: str | None = None) -> None:
        """Send all that a sale's delivery holds."""
        (picking,) = self.sale(order_id)["picking_ids"]
        self.admin.call("stock.picking", "action_assign", [picking])
        for move in self.admin.find("stock.move", ["picking_id", "=", picking]):
            (read,) = self.admin.call("stock.move", "read", [move], ["product_uom_qty"])
            self.admin.call(
                "stock.move", "write", [move], {"quantity_done": read["product_uom_qty"]}
            )
        self.admin.call("stock.picking", "action_done", [picking])
        if parcel:
            self.track(order_id, parcel)

    def track(self, order_id: str, parcel: str) -> None:
        (picking,) = self.sale(order_id)["picking_ids"]
        self.admin.call("stock.picking", "write", [picking], {"carrier_tracking_ref": parcel})

    def post_invoice(self, order_id: str, reference: str | None = None) -> dict[str, Any]:
        """Invoice all that a sale has not yet invoiced; return the posted invoice."""
        sale = self.sale(order_id)
        made = self.admin.call(
            "sale.order", "action_invoice_create", [sale["id"]], context={"lang": "en_US"}
        )
        if reference:
            self.admin.call("account.invoice", "write", made, {"reference": reference})
        self.admin.call("account.invoice", "action_invoice_open", made)
        (found,) = self.admin.call("account.invoice", "read", made, ["number", "amount_total"])
        read: dict[str, Any] = found
        return read

    def say(self, order_id: str, words: str) -> None:
        self.admin.call("sale.order", "message_post", [self.sale(order_id)["id"]], body=words)

    def close(self) -> None:
        self.erp.close()
