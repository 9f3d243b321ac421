"""A real Tryton for the tests, in its own virtual environment, and the clerk who works with it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from erp.adapters.tryton.adapter import TrytonErp
from erp.adapters.tryton.notes import CLAIM, TAKEN, ending, is_taken, marks, of_order
from support.servers import ROOT, Process, eventually, free_port

VENV = ROOT / ".venv-tryton"
HERE = Path(__file__).parent
MODULES = ("sale", "web_shop", "sale_shipment_cost", "account_invoice_stock")
SHOPS = "acme,outlet"
CODES = (
    "310045,310102,CANECA-01,KG-01,REF-310045,REF-310102,REF-310300:Kilogram,REF-310700,REF-310999,"
    "REF-420001"
)
MISSING = None if (VENV / "bin" / "trytond").exists() else "no Tryton here: run make test-erp"


def template(shops: str = SHOPS, codes: str = CODES) -> Path:
    """Return a folder with a database that is set up; made once, 20 s, for all runs."""
    content = (HERE / "requirements.lock").read_bytes() + (HERE / "set_up.py").read_bytes()
    name = hashlib.sha256(content + f"{shops} {codes}".encode()).hexdigest()[:16]
    folder = ROOT / "var" / "tryton" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Several workers of pytest may come at once.
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _make(making, shops, codes)
            making.rename(folder)
    return folder


def _make(folder: Path, shops: str, codes: str) -> None:
    config = write_config(folder, free_port())
    (folder / "erp.sqlite").touch()  # trytond opens no file that is not there
    (folder / "password").write_text("admin-of-the-tests\n")
    env = os.environ | {"TRYTONPASSFILE": str(folder / "password"), "TRYTOND_CONFIG": str(config)}
    python = str(VENV / "bin" / "python")
    for command in (
        [str(VENV / "bin" / "trytond-admin"), "-c", str(config), "-d", "erp", "--all", "-u",
         *MODULES, "--activate-dependencies", "--email", "admin@example.test"],
        [python, str(HERE / "set_up.py"), "erp", shops, codes],
    ):  # fmt: skip
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    (folder / "keys.json").write_text(done.stdout)


def write_config(folder: Path, port: int) -> Path:
    config = folder / "trytond.conf"
    config.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n"
    )
    return config


class TrytonServer:
    """A trytond on a copy of the template; can be killed and started again."""

    def __init__(self, folder: Path, made: Path | None = None) -> None:
        shutil.copytree(made or template(), folder, dirs_exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.keys: dict[str, str] = json.loads((folder / "keys.json").read_text())
        config = write_config(folder, self.port)
        self.process = Process(
            [str(VENV / "bin" / "trytond"), "-c", str(config), "-d", "erp"],
            dict(os.environ),
            folder / "trytond.log",
        )

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int, options: str = "") -> str:
        return f"tryton+http://vtex:{self.keys['key']}@127.0.0.1:{port}/erp{options}"

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, 60, "Tryton does not come up")

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/", timeout=5).status_code > 0
        except requests.RequestException:
            return False

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.kill(signal.SIGTERM)


class Clerk:
    """Someone who works in Tryton, and knows nothing of ours."""

    def __init__(self, server: TrytonServer) -> None:
        self._base = f"http://127.0.0.1:{server.port}/erp/rest/model"
        self._key = server.keys["clerk"]
        self._local = threading.local()

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        context = base64.urlsafe_b64encode(b'{"company": 1}').decode()
        answer = requests.request(
            method,
            f"{self._base}/{path}",
            params=params,
            timeout=60,
            json=body if body is not None else {},
            headers={"Authorization": f"bearer {self._key}", "X-Tryton-Context": context},
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def find(self, model: str, domain: list[Any], *fields: str) -> list[Any]:
        packed = base64.urlsafe_b64encode(json.dumps(domain).encode()).decode()
        found: list[Any] = self.call("GET", model, d=packed, f=list(fields))
        return sorted(found, key=lambda record: record["id"])

    def sale(self, order_id: str, *fields: str, shop: str = "acme") -> Any:
        domain = [["web_id", "=", order_id], ["web_shop.name", "=", shop]]
        (found,) = self.find("sale.sale", domain, *fields)
        return found

    def press(self, model: str, number: int, *buttons: str) -> None:
        for button in buttons:
            self.call("POST", f"{model}/{number}/{button}")

    def write(self, model: str, number: int, **values: Any) -> None:
        self.call("PUT", f"{model}/{number}", values)

    def post_invoice(self, order_id: str, place: int = 0) -> Any:
        """Post an invoice of a sale, dated today; return it."""
        number = self.sale(order_id, "invoices")["invoices"][place]
        today = datetime.now(UTC).date()
        self.write(
            "account.invoice",
            number,
            invoice_date={
                "__class__": "date",
                "year": today.year,
                "month": today.month,
                "day": today.day,
            },
        )
        self.press("account.invoice", number, "post")
        return self.call("GET", f"account.invoice/{number}", f=["number", "total_amount"])

    def ship(self, order_id: str, tracking: str | None = None) -> int:
        """Send what a sale's shipment holds; return the shipment."""
        number: int = self.sale(order_id, "shipments")["shipments"][0]
        self.press("stock.shipment.out", number, "assign_try", "assign_force", "pick", "pack", "do")
        if tracking:
            self.write("stock.shipment.out", number, reference=tracking)
        return number


class TrytonOutbox:
    """What ``erp.conformance`` asks of an ERP's own side: sales that a clerk cancels."""

    def __init__(self, server: TrytonServer) -> None:
        self.moment = 0.0
        self.erp = TrytonErp(server.url, clock=lambda: self.moment)
        self.clerk = Clerk(server)
        self._database = server.folder / "erp.sqlite"
        sale = self.clerk.call("POST", "sale.sale", self._known(), f=["notes"])
        self._first, self._notes = sale["id"], sale["notes"]
        self.clerk.press("sale.sale", self._first, "quote", "cancel")
        self.erp.poll_outbox(lambda _: None, 10)

    def _known(self) -> dict[str, Any]:
        (shop,) = self.clerk.find("web.shop", [["name", "=", "acme"]], "currency")
        party = self.clerk.call(
            "POST",
            "party.party",
            {"name": "Cliente", "addresses": [["create", [{"city": "São Paulo"}]]]},
            f=["addresses"],
        )
        (product,) = self.clerk.find("product.product", [["code", "=", "VTEX-OTHER"]], "sale_uom")
        line = {
            "product": product["id"],
            "unit": product["sale_uom"],
            "quantity": 1,
            "unit_price": {"__class__": "Decimal", "decimal": "1"},
        }
        address = party["addresses"][0]
        return {
            "company": 1,
            "currency": shop["currency"],
            "web_shop": shop["id"],
            "party": party["id"],
            "invoice_address": address,
            "shipment_address": address,
            "shipment_cost_method": None,
            "lines": [["create", [line]]],
            "notes": [["create", [{"message": of_order("VTEX")}, {"message": "motivo: acabou"}]]],
            "web_id": "first-01",
        }

    def put(self, order_id: str) -> str:
        """Copy, in the database, a sale that was quoted and canceled: a hundred take no time."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        with sqlite3.connect(self._database, timeout=60) as db:
            sale = self._copy(db, "sale_sale", self._first, web_id=order_id, write_date=now)
            for note in self._notes:
                self._copy(db, "ir_note", note, resource=f"sale.sale,{sale}")
        return f"tryton:cancel:{sale}"

    @staticmethod
    def _copy(db: sqlite3.Connection, table: str, number: int, **changes: Any) -> int:
        db.row_factory = sqlite3.Row
        (row,) = db.execute(f"SELECT * FROM {table} WHERE id = ?", (number,))
        values = {**dict(row), **changes}
        del values["id"]
        marks_ = ", ".join("?" for _ in values)
        made = db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks_})", list(values.values())
        )
        return int(made.lastrowid or 0)

    def _sale(self, reference: str) -> Any:
        number = reference.rsplit(":", 1)[1]
        return self.clerk.call("GET", f"sale.sale/{number}", f=["notes.message", "web_id"])

    def seen(self, reference: str) -> tuple[str, str | None]:
        sale = self._sale(reference)
        claimed = any(words == [reference] for _, words in marks(sale, CLAIM))
        if not is_taken(sale, reference) and not claimed:
            return "waits", None
        outcome = ending(sale, reference)
        if outcome is None:
            return "handed out", None
        tag = f" {outcome} {reference}"
        told = [note for note in sale["notes"] if note["message"].endswith(tag)]
        words = max(told, key=lambda record: record["id"])["message"].splitlines()[1]
        return outcome, words.removeprefix("receipt ")

    def ask_again(self, reference: str) -> None:
        sale = self._sale(reference)
        taken = [number for number, words in marks(sale, TAKEN) if words[0] == reference]
        self.clerk.write("sale.sale", sale["id"], notes=[["delete", taken]])

    def let_claims_lapse(self) -> None:
        self.moment += 61.0

    def close(self) -> None:
        self.erp.close()
