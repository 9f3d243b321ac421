"""The demo with a real Tryton: make demo ERP=tryton."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from journal.journal import Journal
from journal.orders import OrderRow
from support.servers import ROOT
from support.tryton.server import Clerk, TrytonServer, template
from vtex.simulator.items import PRODUCTS
from workers.cli.demo import cluster as demo
from workers.cli.demo.simulated_erp import Played, settled

CODES = ",".join([f"REF-{sku}" for sku, *_ in PRODUCTS] + ["REF-500001"])
PLAYED = 6


class Play:
    """A clerk's day: of each three orders one is sent, one canceled, one invoiced in part."""

    def __init__(self, server: TrytonServer) -> None:
        self.clerk = Clerk(server)
        self.examples: list[str] = []

    def __call__(self, journal: Journal, rows: Sequence[OrderRow]) -> Played:
        """Do it, and wait for what comes of it at VTEX."""
        asked = 0
        chosen = [row for row in rows if (row.value_cents or 0) > 0][:PLAYED]
        for place, row in enumerate(chosen):
            asked += (self._send, self._call_off, self._invoice_goods)[place % 3](row.order_id)
        self.examples = [row.order_id for row in chosen[:3]]
        return settled(journal, asked, self.examples[0] if self.examples else None)

    def _send(self, order_id: str) -> int:
        self.clerk.post_invoice(order_id)
        self.clerk.ship(order_id, f"BR{abs(hash(order_id)) % 10**9:09}XX")
        return 2

    def _call_off(self, order_id: str) -> int:
        sale = self.clerk.sale(order_id, "invoices", "shipments")
        note = {"message": "motivo: Falta de estoque"}
        self.clerk.write("sale.sale", sale["id"], notes=[["create", [note]]])
        for shipment in sale["shipments"]:
            self.clerk.press("stock.shipment.out", shipment, "cancel")
        for invoice in sale["invoices"]:
            self.clerk.press("account.invoice", invoice, "cancel")
        return 1

    def _invoice_goods(self, order_id: str) -> int:
        """Invoice the goods alone; the freight is left to another invoice."""
        invoice = self.clerk.sale(order_id, "invoices")["invoices"][0]
        lines = self.clerk.find("account.invoice.line", [["invoice", "=", invoice]], "product.code")
        services = [line["id"] for line in lines if line["product"]["code"].startswith("VTEX-")]
        if services and len(services) < len(lines):
            self.clerk.write("account.invoice", invoice, lines=[["delete", services]])
        self.clerk.post_invoice(order_id)
        return 1


@click.command()
@click.option("--once", is_flag=True, help="End after the first batch.")
@click.option("--orders", default=12, show_default=True, help="Orders of the first batch.")
@click.option("--folder", default="var/demo", show_default=True, help="Where its files go.")
def main(once: bool, orders: int, folder: str) -> None:
    """Bring orders of a simulated store into a real Tryton, and what its clerk does back."""
    place = Path(f"{folder}-tryton").resolve()
    shutil.rmtree(place, ignore_errors=True)
    click.echo("Tryton is set up (a minute, the first time) …")
    server = TrytonServer(place, template("acme", CODES))
    server.start()
    click.echo(
        f"Tryton is up: http://127.0.0.1:{server.port}, database erp; log {place}/trytond.log"
    )
    play = Play(server)
    status = 1
    try:
        erp = demo.DemoErp(server.url, play)
        status = demo.run(once=once, orders=orders, folder=folder, erp=erp)
        for example in play.examples:
            subprocess.run(
                f". {Path(folder).resolve()}/env; {sys.executable} -m workers.cli.main orders show {example}",
                shell=True,
                cwd=ROOT,
                check=False,
            )
    finally:
        server.stop()
    raise SystemExit(status)


if __name__ == "__main__":
    main()
