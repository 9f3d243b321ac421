"""An observed store in a whole cluster: workers and beat read it, and go live after a restart."""

from __future__ import annotations

import json

from support.servers import Cluster, eventually

READS = {"list", "order", "transaction", "payments"}


def test_a_cluster_observes_a_store_and_goes_live_after_a_restart(cluster: Cluster) -> None:
    cluster.env["VTEX_OBSERVE"] = "true"
    cluster.start_one_of_each(6)

    eventually(lambda: "acme: 6 observed" in cluster.told("orders", "list"), 60)
    report = cluster.command("observations", "report", "--from", "3000d", "--json")
    checked = cluster.command("check").stdout

    (store,) = json.loads(report.stdout)["stores"]
    assert [row["fate"] for row in store["orders"]] == ["inserted"] * 6
    assert [row["in_erp"] for row in store["orders"]] == ["absent"] * 6
    assert "the store is only observed; 0 intakes and requests wait" in checked
    assert set(cluster.state()["calls"]) <= READS
    assert cluster.erp_rows("select count(*) from int_order") == [(0,)]

    for process in (cluster.processes["w1"], cluster.processes["beat"]):
        process.kill()
    del cluster.env["VTEX_OBSERVE"]
    cluster.start_worker("w2")
    cluster.start_beat("b2")

    eventually(lambda: "6 done" in cluster.told("orders", "list"), 60)
    assert cluster.erp_rows("select count(*) from int_order") == [(6,)]
