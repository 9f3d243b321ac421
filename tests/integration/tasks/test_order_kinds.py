"""Every kind of order that the simulated store draws, from its approval to its invoice."""

from pathlib import Path

from support.order_flow import order_flow
from vtex.simulator.seed import KINDS


def test_every_kind_goes_in_and_is_invoiced_whole(tmp_path: Path) -> None:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as flow:
        ids = {kind: flow.order(kind, "ready-for-handling") for kind in KINDS}
        for order_id in ids.values():
            flow.intake(order_id)
        flow.settle()
        for order_id in ids.values():
            flow.invoice(order_id)
        flow.settle()

        calls = {kind: flow.entry(order_id).calls for kind, order_id in ids.items()}
        assert {kind: flow.status(order_id) for kind, order_id in ids.items()} == dict.fromkeys(
            KINDS, "invoiced"
        )
        assert {counts["start_handling_effects"] for counts in calls.values()} == {1}
        assert {counts["invoice_effects"] for counts in calls.values()} == {1}
        assert all(flow.erp.find("acme", order_id) for order_id in ids.values())
