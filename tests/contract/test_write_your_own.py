"""docs/erp/write-your-own.md, followed word by word, makes an adapter that passes the suite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from erp import conformance
from support.servers import ROOT

PAGE = (ROOT / "docs" / "erp" / "write-your-own.md").read_text(encoding="utf-8")
EXAMPLE, TOY = ROOT / "examples" / "my_erp", ROOT / "examples" / "toy_erp"
FILES = re.findall(r"^## \d\. `(\S+)`$.*?^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.search(r"^## 4.*?^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_example_whole() -> None:
    shown = dict(FILES)

    assert shown == {name: (EXAMPLE / name).read_text(encoding="utf-8") for name in shown}
    assert set(shown) == {path.name for path in EXAMPLE.iterdir() if path.is_file()}


def test_the_example_has_less_than_150_lines() -> None:
    assert sum(len(text.splitlines()) for _, text in FILES) < 150


@pytest.mark.slow
def test_who_follows_the_page_has_an_adapter_that_passes_the_suite(tmp_path: Path) -> None:
    folder, env = tmp_path / "my_erp", tmp_path / "venv"
    folder.mkdir()
    for name, text in FILES:
        (folder / name).write_text(text, encoding="utf-8")
    venv.create(env, with_pip=True)
    (packages,) = env.glob("lib/python*/site-packages")
    # The virtual environment of the workers: what is installed here, and one package more.
    (packages / "workers.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n{TOY}\n")
    assert COMMANDS is not None

    said = [
        subprocess.run(
            line,
            shell=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "PATH": f"{env}/bin{os.pathsep}{os.environ['PATH']}"},
        )
        for line in COMMANDS[1].splitlines()
    ]

    assert [entry.returncode for entry in said] == [0, 0], said
    assert "0 failed, 2 skipped" in said[-1].stdout
    assert "SetsClock" in said[-1].stdout


@pytest.fixture
def example() -> Iterator[None]:
    sys.path[:0] = [str(EXAMPLE), str(TOY)]
    yield
    sys.path[:2] = []
    for name in ("my_erp", "test_my_erp", "toy_erp"):
        sys.modules.pop(name, None)


def failed(bench: object, check: str) -> bool:
    (run,) = [entry for entry in conformance.ALL if entry.__name__ == check]
    try:
        run(bench)
    except Exception:
        return True
    return False


FAULTS = {
    "an_answer_lost_after_the_commit_leaves_one_order": ("sale", "forgets"),
    "racing_callers_insert_one_order": ("sale", "forgets"),
    "the_erp_itself_holds_one_order_after_a_race": ("sale", "forgets"),
    "a_caller_killed_before_it_wrote_down_the_answer_leaves_one_order": ("sale", "forgets"),
    "an_event_reported_twice_is_kept": ("event", "fails"),
    "a_cancellation_before_the_erp_confirms_is_seen_there": ("event", "forgets"),
    "a_cancellation_after_the_erp_confirmed_is_seen_there": ("event", "forgets"),
    "the_erp_sees_how_each_request_ended": ("event", "forgets"),
    "what_waits_is_handed_out_once_oldest_first": ("taken", "fails"),
    "two_partial_invoices_one_posted_twice_are_two_invoices": ("claim", "forgets"),
    "tracking_that_comes_later_is_told_of_its_invoice": ("claim", "forgets"),
    "a_cancellation_in_the_erp_is_asked_for_with_a_reason": ("claim", "forgets"),
    "a_change_committed_with_an_older_stamp_is_told": ("claim", "forgets"),
}
"""Checks, and a call of the toy that goes wrong in a way that they must notice."""


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("check", FAULTS)
def test_a_check_fails_where_the_erp_is_at_fault(
    check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import test_my_erp
    import toy_erp

    call, fault = FAULTS[check]
    numbers = iter(range(1, 1000))

    def wrong(toy: object, **told: object) -> dict[str, object]:
        if fault == "fails":
            raise LookupError(call)
        if call == "sale":
            # It makes an order each time, the newest of which it finds.
            number = next(numbers)
            toy.sales[told["key"]] = number
            return {"number": number}
        return {}

    monkeypatch.setattr(toy_erp.ToyErp, call, wrong)
    monkeypatch.setattr(toy_erp.ToyErp, "handle_error", lambda *_: None)
    with closing(test_my_erp.Harness()) as bench:
        assert failed(bench, check)


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("trouble", conformance.TROUBLES)
def test_an_adapter_that_takes_trouble_for_a_refusal_fails(trouble: str) -> None:
    import test_my_erp

    from erp.port import ErpRejected, ErpUnavailable

    with closing(test_my_erp.Harness()) as bench:
        call = bench.erp._call

        def refusing(*args: object, **body: object) -> object:
            try:
                return call(*args, **body)
            except ErpUnavailable as error:
                raise ErpRejected(str(error)) from None

        bench.erp._call = refusing
        assert failed(bench, f"orders_wait_for_an_erp_that_is_{trouble}")
