"""Several stores in one cluster: each with its own key, none in the way of another."""

from __future__ import annotations

from pathlib import Path

from support.servers import Cluster, eventually, free_port


def test_two_stores_are_served_and_one_that_is_refused_stops_only_itself(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_simulator(6)
    port = free_port()
    outlet = cluster.start(
        "outlet", "vtex.simulator", "--port", str(port), "--account", "outlet", "--orders", "4",
        "--app-token", "another-token", "--index-lag", "0", "--handling-delay", "0.2",
    )  # fmt: skip
    eventually(lambda: "ready on" in outlet.text(), 30)
    (tmp_path / "token").write_text("another-token\n")
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "stores.toml").write_text(
        f"""
        [stores.acme]
        app_key_env = "ACME_KEY"
        app_token_env = "ACME_TOKEN"
        base_url = "{cluster.simulator}"
        payments_url = "{cluster.simulator}"

        [stores.outlet]
        app_key_env = "OUTLET_KEY"
        app_token_file = "{tmp_path}/token"
        base_url = "{url}"
        payments_url = "{url}"
        """
    )
    for name in ("VTEX_ACCOUNT", "VTEX_APP_KEY", "VTEX_APP_TOKEN", "VTEX_BASE_URL"):
        cluster.env.pop(name)
    cluster.env.pop("VTEX_PAYMENTS_URL")
    cluster.env |= {
        "STORES_FILE": f"{tmp_path}/stores.toml",
        "ACME_KEY": "vtexappkey-acme-SIMULA",
        "ACME_TOKEN": "wrong",
        "OUTLET_KEY": "vtexappkey-acme-SIMULA",
    }
    worker = cluster.start_worker("w1")
    beat = cluster.start_beat()

    eventually(lambda: "outlet: 4 done" in cluster.told("orders", "list"), 60)
    refused = cluster.command("check").stdout
    for process in (worker, beat):
        process.kill()
    cluster.env["ACME_TOKEN"] = "simulated-token"
    cluster.start_worker("w2")
    cluster.start_beat("b2")
    assert cluster.command("stores", "resume", "--store", "acme").returncode == 0

    assert "acme paused" in refused
    eventually(lambda: "acme: 6 done" in cluster.told("orders", "list"), 60)
    assert sorted(cluster.erp_rows("select store, count(*) from int_order group by store")) == [
        ("acme", 6),
        ("outlet", 4),
    ]
