"""The client's calls, and what each answer means."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import requests_mock

from vtex import errors
from vtex.client import VtexClient
from vtex.documents import FeedConfig, text_of, together
from vtex.transport.rate_limit import group_of
from vtex.transport.transport import Account, Transport

HOST = "https://acme.vtexcommercestable.com.br"
ORDER = f"{HOST}/api/oms/pvt/orders/o-1"
JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def client() -> VtexClient:
    return VtexClient(Transport(Account("acme", "key", "secret-token")))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status_code": 401, "json": {"error": {"code": "1"}}, "headers": JSON}, errors.VtexUnauthorized),
        ({"status_code": 403, "text": ""}, errors.VtexUnauthorized),
        ({"status_code": 302, "text": "", "headers": {"Location": "/login"}}, errors.VtexUnauthorized),
        ({"status_code": 404, "json": {"error": {"code": "OMS007"}}, "headers": JSON}, errors.OrderNotFound),
        ({"status_code": 404, "text": "<html>", "headers": {"Content-Type": "text/html"}}, errors.VtexUnavailable),
        ({"status_code": 400, "json": {"error": {"code": "OMS003"}}, "headers": JSON}, errors.OrderConflict),
        ({"status_code": 400, "json": {"Message": "no"}, "headers": JSON}, errors.VtexRejected),
        ({"status_code": 429, "text": ""}, errors.VtexThrottled),
        ({"status_code": 500, "text": "oops"}, errors.VtexUnavailable),
        ({"status_code": 200, "text": "<html>", "headers": {"Content-Type": "text/html"}}, errors.VtexUnavailable),
        ({"status_code": 200, "text": '{"a":', "headers": JSON}, errors.VtexUnavailable),
        ({"exc": requests.ConnectTimeout}, errors.VtexUnavailable),
    ],
)  # fmt: skip
def test_an_answer_becomes_the_error_that_says_what_to_do(
    client: VtexClient, answer: dict[str, Any], error: type[errors.VtexError]
) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(error) as caught:
        mocker.get(ORDER, **answer)
        client.order("o-1")

    assert type(caught.value) is error
    assert "secret-token" not in str(caught.value)
    assert (caught.value.method, caught.value.path) == ("GET", "/api/oms/pvt/orders/o-1")


def test_vtexs_own_words_are_told_without_personal_data(client: VtexClient) -> None:
    body = {"error": {"code": "X1", "message": "bad client ana@example.com 529.982.247-25"}}

    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexRejected) as caught:
        mocker.get(ORDER, status_code=400, json=body, headers=JSON)
        client.order("o-1")

    assert "X1 bad client" in str(caught.value)
    assert "ana@" not in str(caught.value)
    assert "529" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"), [("17", lambda s: s == 17), (None, lambda s: s is None)]
)
def test_a_throttle_tells_how_long(
    client: VtexClient, header: str | None, seconds: Callable[[float | None], bool]
) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexThrottled) as caught:
        mocker.get(ORDER, status_code=429, headers={"Retry-After": header} if header else {})
        client.order("o-1")

    assert seconds(caught.value.retry_after)


def test_a_renewed_token_is_used_without_a_restart() -> None:
    tokens = ["old"]
    client = VtexClient(Transport(lambda: Account("acme", "key", tokens[-1])))
    with requests_mock.Mocker() as mocker:
        mocker.get(ORDER, json={}, headers=JSON)
        client.order("o-1")
        tokens.append("new")
        client.order("o-1")
        sent = [one.headers["X-VTEX-API-AppToken"] for one in mocker.request_history]

    assert sent == ["old", "new"]


def test_ids_are_encoded_in_paths(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(requests_mock.ANY, json={}, headers=JSON)
        client.order("a/b c")

        assert mocker.request_history[0].url.endswith("/orders/a%2Fb%20c")


def test_a_filter_of_more_than_3000_orders_is_split_by_creation_date(client: VtexClient) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    placed = [begin + timedelta(minutes=n) for n in range(4000)]

    def page(request: Any, context: Any) -> dict[str, Any]:
        context.headers.update(JSON)
        window = request.qs["f_creationdate"][0] if "f_creationdate" in request.qs else None
        low, high = window[14:-1].upper().split(" TO ") if window else ("0", "9")
        fits = [p for p in placed if low[:19] <= p.isoformat()[:19] <= high[:19]]
        number = int(request.qs["page"][0])
        rows = fits[(number - 1) * 100 : number * 100]
        return {
            "list": [{"orderId": p.isoformat(), "creationDate": p.isoformat()} for p in rows],
            "paging": {"total": len(fits), "pages": -(-len(fits) // 100), "currentPage": number},
        }

    with requests_mock.Mocker() as mocker:
        mocker.get(f"{HOST}/api/oms/pvt/orders", json=page)
        found = {one.order_id for page in client.list_orders() for one in page.orders}

    assert len(found) == 4000


def test_orders_that_leave_the_list_while_it_is_read_hide_no_other(client: VtexClient) -> None:
    waiting = [f"o-{n:04}" for n in range(950)]

    def page(request: Any, context: Any) -> dict[str, Any]:
        context.headers["Content-Type"] = "application/json"
        number = int(request.qs["page"][0])
        rows = [{"orderId": one, "status": "ready-for-handling"} for one in waiting]
        answer = {
            "list": rows[(number - 1) * 100 : number * 100],
            "paging": {"total": len(rows), "pages": -(-len(rows) // 100), "currentPage": number},
        }
        # Workers are quick: half of what was shown is being handled before the next page is read.
        for one in answer["list"][::2]:
            waiting.remove(one["orderId"])
        return answer

    with requests_mock.Mocker() as mocker:
        mocker.get(f"{HOST}/api/oms/pvt/orders", json=page)
        found = {one.order_id for page in client.list_orders() for one in page.orders}

    assert len(found) == 950


@pytest.mark.parametrize("header", ["\xb2", "Mon, 01 Jan 99999999999 00:00:00 GMT", "soon", "-5"])
def test_a_throttle_that_names_no_sane_time_names_none(client: VtexClient, header: str) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexThrottled) as caught:
        mocker.get(ORDER, status_code=429, headers={"Retry-After": header})
        client.order("o-1")

    assert caught.value.retry_after is None


def refused(client: VtexClient, body: bytes) -> errors.VtexRejected:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexRejected) as caught:
        mocker.get(ORDER, status_code=400, content=body, headers=JSON)
        client.order("o-1")
    return caught.value


def test_words_of_vtex_are_one_line_that_every_database_takes(client: VtexClient) -> None:
    error = refused(client, rb'{"code": "A\u0000", "message": "a\u0000b\ud800c\u202ed\r\ne"}')

    assert str(error).endswith(": A a b c d e")


@pytest.mark.parametrize("name", ["code", "message"])
@pytest.mark.parametrize("value", [b"[" * 600 + b"]" * 600, b'{"a": "Ana"}', b'"ana@example.com"'])
def test_what_is_no_word_of_vtex_is_not_told(client: VtexClient, name: str, value: bytes) -> None:
    error = refused(client, b'{"%s": %s}' % (name.encode(), value))

    assert set("@[{") & set(str(error)) == set()


def test_a_long_word_takes_no_long_time(client: VtexClient) -> None:
    began = time.process_time()

    refused(client, b'{"message": "%s"}' % (b"\xc3\xa3" * 30_000))

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' + b'{"a":' * 400 + b"1" + b"}" * 401,
        b'{"a":' + b"[" * 150 + b"]" * 150 + b"}",
    ],
    ids=["cut off", "objects", "lists"],
)
def test_a_document_nested_too_deeply_is_refused(client: VtexClient, body: bytes) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.DocumentInvalid, match="deeply"):
        mocker.get(ORDER, content=body, headers=JSON)
        client.order("o-1")


def test_brackets_within_a_text_are_no_depth(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(ORDER, json={"note": "[{" * 500}, headers=JSON)

        assert client.order("o-1") == {"note": "[{" * 500}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_json_has_no_number_for_is_no_answer(client: VtexClient, number: str) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexUnavailable):
        mocker.get(ORDER, text=f'{{"x": {number}}}', headers=JSON)
        client.order("o-1")


def test_a_payment_is_kept_in_the_gateways_own_words(client: VtexClient) -> None:
    transaction, payments = '{"id":"T-1",  "value":12.50}', '[ {"id":"P-1"} ]'
    pay = "https://acme.vtexpayments.com.br/api/pvt/transactions/T-1"
    with requests_mock.Mocker() as vtex:
        vtex.get(pay, text=transaction, headers=JSON)
        vtex.get(f"{pay}/payments", text=payments, headers=JSON)
        read = together({"transactions": [client.transaction("T-1")]})
    kept = text_of(read)
    assert json.loads(kept) == read
    assert transaction in kept
    assert payments in kept


def test_a_list_that_ignores_the_window_is_given_up_before_long(client: VtexClient) -> None:
    answer = {"list": [], "paging": {"total": 99_999, "pages": 30, "currentPage": 1}}

    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexUnavailable, match="window"):
        mocker.get(f"{HOST}/api/oms/pvt/orders", json=answer, headers=JSON)
        list(client.list_orders())
    assert mocker.call_count < 100


@pytest.mark.parametrize("order_id", [".", ".."])
def test_an_id_that_names_another_path_is_no_order(client: VtexClient, order_id: str) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.OrderNotFound):
        client.cancel(order_id, {})

    assert mocker.call_count == 0


# --- the feed -------------------------------------------------------------------------------------

FEED = f"{HOST}/api/orders/feed"
NONE = {"status_code": 404, "json": {"error": {"code": "1", "message": "none"}}, "headers": JSON}
PROXY = {"status_code": 404, "text": "<html>", "headers": {"Content-Type": "text/html"}}


@pytest.mark.parametrize("answer", [NONE, PROXY, {"status_code": 404, "text": ""}])
def test_a_feed_that_vtex_does_not_have_is_missing_whatever_the_page(
    client: VtexClient, answer: dict[str, Any]
) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(FEED, **answer)
        mocker.get(f"{FEED}/config", **answer)
        mocker.delete(f"{FEED}/config", **answer)
        client.remove_feed()

        assert client.feed_config() is None
        with pytest.raises(errors.FeedMissing):
            client.feed()


def test_handles_are_committed_ten_at_a_time(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.post(FEED, text="")

        client.commit_feed([f"h-{number}" for number in range(23)])

        sent = [one.json()["handles"] for one in mocker.request_history]
    assert [len(one) for one in sent] == [10, 10, 3]
    assert [one for some in sent for one in some] == [f"h-{number}" for number in range(23)]


def test_a_commit_that_is_answered_in_words_of_any_kind_was_taken(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.post(FEED, text="OK", headers={"Content-Type": "text/plain"})

        client.commit_feed(["h"])

        assert mocker.call_count == 1


def test_a_commit_that_is_refused_is_told(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker, pytest.raises(errors.VtexUnauthorized):
        mocker.post(FEED, status_code=403, text="")

        client.commit_feed(["h"])


def test_a_feed_is_configured_as_vtex_spells_it(client: VtexClient) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.post(f"{FEED}/config", text="")

        client.configure_feed(FeedConfig(("ready-for-handling",), 300, 345600))

        body = mocker.last_request.json()
    assert body == {
        "filter": {"type": "FromWorkflow", "status": ["ready-for-handling"]},
        "queue": {"visibilityTimeoutInSeconds": 300, "MessageRetentionPeriodInSeconds": 345600},
    }


@pytest.mark.parametrize(
    ("answer", "statuses", "waiting"),
    [
        (
            {
                "filter": {"type": "FromWorkflow", "status": ["invoiced"]},
                "queue": {
                    "visibilityTimeoutInSeconds": 240,
                    "messageRetentionPeriodInSeconds": 345600,
                },
                "quantity": 3,
                "aproximateAgeOfOldestMessageInSeconds": 17,
            },
            ("invoiced",),
            (3, 17),
        ),
        (
            {
                "queue": {
                    "VisibilityTimeoutInSeconds": 240,
                    "MessageRetentionPeriodInSeconds": 345600,
                },
                "approximateAgeOfOldestMessageInSeconds": 0,
            },
            None,
            (None, 0),
        ),
    ],
)
def test_a_configuration_is_read_in_every_spelling(
    client: VtexClient, answer: dict[str, Any], statuses: Any, waiting: tuple[int | None, int]
) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(f"{FEED}/config", json=answer, headers=JSON)

        found = client.feed_config()

    assert found == FeedConfig(statuses, 240, 345600)
    assert found is not None
    assert (found.waiting, found.oldest_seconds) == waiting


def test_reading_the_feed_counts_as_the_list_does() -> None:
    assert [
        group_of(*one)
        for one in (
            ("GET", "/api/orders/feed"),
            ("GET", "/api/orders/feed/config"),
            ("POST", "/api/orders/feed"),
        )
    ] == ["list", "list", "writes"]
