"""What Flower shows of real workers: every order by its id, nobody by name, no password."""

from __future__ import annotations

import html
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from support.personal_data import personal_words
from support.servers import Cluster, RabbitServer, RedisServer, eventually, free_port

ORDERS = 12
USER, PASSWORD, REDIS_PASSWORD = "operator", "wrench-of-flower", "open-sesame-redis"
PAGES = (
    "/", "/workers", "/worker/{worker}", "/tasks", "/tasks/datatable", "/broker", "/metrics",
    "/api/workers?refresh=1", "/api/workers", "/api/tasks?limit=1000", "/api/task/types",
    "/api/queues/length",
)  # fmt: skip
OF_A_TASK = ("/task/{task}", "/api/task/info/{task}", "/api/task/result/{task}")


class Flower:
    """Flower as a browser meets it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.port = cluster, free_port()
        self.process = cluster.start(
            "flower",
            "celery",
            "-A",
            "workers",
            "flower",
            f"--port={self.port}",
            FLOWER_BASIC_AUTH=f"{USER}:{PASSWORD}",
        )

    def get(self, path: str, auth: tuple[str, str] | None = (USER, PASSWORD)) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", auth=auth, timeout=10)

    def is_up(self) -> bool:
        try:
            return self.get("/healthcheck").ok
        except requests.ConnectionError:
            return False

    def tasks(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.get("/api/tasks?limit=1000").json()
        return seen

    def has_seen_every_order_handled(self) -> bool:
        ends = [
            value for value in self.tasks().values() if value["name"] == "orders.start_handling"
        ]
        return sum(row["state"] == "SUCCESS" for row in ends) >= ORDERS

    def paths(self) -> list[str]:
        """Every page, and those of each task that moved an order."""
        (worker,) = self.get("/api/workers?refresh=1").json()
        tasks = [number for number, row in self.tasks().items() if "order_id" in row["kwargs"]]
        return [page.format(worker=worker) for page in PAGES] + [
            entry.format(task=task) for task in tasks for entry in OF_A_TASK
        ]


@pytest.fixture(params=["redis"])
def flower(cluster: Cluster, redis_server: RedisServer, request: pytest.FixtureRequest) -> Flower:
    """Flower, after orders went through a cluster whose Redis and broker ask for a password."""
    redis_server.ask_for(REDIS_PASSWORD)
    cluster.env["REDIS_URL"] = redis_server.url
    if request.param == "rabbitmq":
        cluster.env["BROKER_URL"] = request.getfixturevalue("rabbit_server").url
    cluster.start_simulator(ORDERS)
    started = Flower(cluster)
    eventually(started.is_up, 30)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(ORDERS), 60)
    eventually(started.has_seen_every_order_handled, 30)
    return started


@pytest.mark.parametrize("flower", ["redis", "rabbitmq"], indirect=True)
def test_flower_shows_names_and_ids_and_neither_person_nor_password(flower: Flower) -> None:
    shown = {path: readable(flower.get(path)) for path in flower.paths()}

    everything = "\n".join(shown.values())
    for name in ("fetch", "fetch_payment", "insert", "start_handling"):
        assert f"orders.{name}" in shown["/api/tasks?limit=1000"]
    orders = flower.cluster.state()["orders"]
    assert orders
    assert not [order_id for order_id in orders if order_id not in everything]
    assert "broker_url" in everything, "the worker's configuration is on no page"
    secrets = {
        REDIS_PASSWORD,
        RabbitServer.PASSWORD,
        PASSWORD,
        "vtexappkey-acme-SIMULA",
        "simulated-token",
    }
    words = secrets | personal_words(flower.cluster)
    any_of_them = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))
    found = {path: any_of_them.findall(text) for path, text in shown.items()}
    assert not {path: hits for path, hits in found.items() if hits}
    assert not any_of_them.findall(flower.cluster.logs())


def test_flower_shows_nothing_at_all_without_the_password(flower: Flower) -> None:
    strangers = (None, (USER, "guessed"), ("", ""))

    answers = {(path, who): flower.get(path, who) for path in flower.paths() for who in strangers}

    assert not {key: answer.text for key, answer in answers.items() if answer.status_code != 401}
    assert not [key for key, entry in answers.items() if "orders." in entry.text]
    # The one page for everybody: a load balancer's.
    assert flower.get("/healthcheck", None).text.strip() == "OK"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    """Chromium, as an operator would open it; driven by Debian's chromium-driver."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium is not here: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = chromium
    for value in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1400,900",
        "--disable-background-networking",
        f"--user-data-dir={tmp_path}/chromium",
    ):
        options.add_argument(value)
    made = webdriver.Chrome(options, Service(driver))
    yield made
    made.quit()


def test_an_operator_finds_an_order_in_a_browser_and_nobody_by_name(
    flower: Flower, browser: WebDriver, tmp_path: Path
) -> None:
    # Where the pictures in the docs come from: make screenshots.
    pictures = Path(os.environ.get("SCREENSHOTS", tmp_path))
    pages: dict[str, str] = {}

    def wait(holds: Callable[[], object], why: str) -> None:
        eventually(holds, 30, f"{why}; the page shows: {shown()}")

    def shown() -> str:
        return browser.find_element(By.TAG_NAME, "body").text

    def look(name: str) -> str:
        browser.save_screenshot(str(pictures / f"flower-{name}.png"))
        # All that the page was given, shown or not.
        pages[name] = f"{shown()}\n{html.unescape(browser.page_source)}"
        return shown()

    address = f"127.0.0.1:{flower.port}"
    browser.get(f"http://{address}/workers")
    assert "w1@" not in browser.page_source, "without a password"
    browser.get(f"http://{USER}:{PASSWORD}@{address}/workers")
    wait(lambda: "w1@" in shown(), "no worker")
    assert "Online" in look("workers")

    browser.get(f"http://{address}/broker")
    wait(lambda: "orders" in shown(), "no queue")
    queues = look("queues")
    assert all(name in queues for name in ("orders", "invoices", "tracking", "cancellations"))

    steps = {f"orders.{name}" for name in ("fetch", "fetch_payment", "insert", "start_handling")}
    order_id = min(flower.cluster.state()["orders"])
    browser.get(f"http://{address}/tasks")
    wait(lambda: "journal.dispatch" in shown(), "no task")
    search = "input[type=search], input[placeholder*=earch]"
    browser.find_element(By.CSS_SELECTOR, search).send_keys(order_id)
    # What the schedule runs concerns no order.
    wait(lambda: "journal.dispatch" not in shown(), "not searched by its id")
    wait(lambda: all(step in shown() for step in steps), "not found by its id")
    look("tasks")

    links = browser.find_elements(By.CSS_SELECTOR, "table a[href*='/task/']")
    assert len(links) >= len(steps)
    for link in sorted({str(link.get_attribute("href")) for link in links}):
        browser.get(link)
        wait(lambda: order_id in shown(), "the task is of no order")
        look("task")

    words = personal_words(flower.cluster) | {PASSWORD, REDIS_PASSWORD, "simulated-token"}
    assert {name: [word for word in words if word in text] for name, text in pages.items()} == {
        name: [] for name in pages
    }


def readable(answer: requests.Response) -> str:
    """Return a page's text with what HTML and JSON escape in it undone."""
    # Flower answers 405 or 503 where a page is not for looking: what it says counts all the same.
    assert answer.status_code != 401, answer.url
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda hit: chr(int(hit[1], 16)), answer.text)
    return html.unescape(plain)
