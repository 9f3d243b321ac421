"""Our prose keeps to plain English: the counters of ``support.words`` stay within their budgets."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest

from foundation.messages.catalogue import CATALOGUE
from support import words
from support.words import ROOT, Count, count

LAYERS = (
    "foundation",
    "vtex",
    "erp",
    "journal",
    "tasks",
    "workers",
    "celeryconfig.py",
    "flowerconfig.py",
)

EXCEPTIONS = frozenset(
    {
        "docs/benchmarks.md",
        "docs/brokers.md",
        "docs/rate-limit.md",
        "docs/cancellations.md",
        "docs/changes.md",
        "docs/erp/conformance.md",
        "docs/erp/odoo.md",
        "docs/erp/rest.md",
        "docs/erp/tryton.md",
        "docs/erp/write-your-own.md",
        "docs/feed.md",
        "docs/flower.md",
        "docs/messages.md",
        "docs/metrics.md",
        "docs/privacy.md",
        "docs/reliability.md",
        "docs/scaling.md",
    }
)
"""Pages that were not rewritten yet. A page leaves this list when it is; none is added."""

HOW_TO = frozenset(
    {"CONTRIBUTING.md", "docs/erp-developers.md", "docs/go-live.md", "docs/operations.md"}
)

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ]
)


def require(counted: Count, *, page: bool = False, how_to: bool = False) -> None:
    faults = counted.faults(page=page, how_to=how_to)
    if faults:
        pytest.fail("\n".join([counted.summary(), *faults]), pytrace=False)


@pytest.mark.parametrize("layer", LAYERS)
def test_docstrings_keep_to_the_budgets(layer: str) -> None:
    texts = words.docstrings(ROOT / layer)

    assert texts, f"{layer} has no docstring: was it moved?"
    require(count(texts))


def test_help_texts_keep_to_the_budgets() -> None:
    # Imported here: the other cases need no command line.
    from workers.cli.main import main

    require(count(words.help_texts(main)))


def test_messages_keep_to_the_budgets() -> None:
    require(count(words.messages(CATALOGUE)))


@pytest.mark.parametrize("name", [name for name in PAGES if name not in EXCEPTIONS])
def test_a_page_keeps_to_the_budgets(name: str) -> None:
    require(count(words.texts_of(ROOT / name)), page=True, how_to=name in HOW_TO)


def test_every_exception_is_a_page() -> None:
    assert set(PAGES) >= EXCEPTIONS | HOW_TO


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").split("\n## ")[0]
    entries = [line.split("|")[1].strip() for line in glossary.splitlines() if "|" in line][2:]

    assert entries == sorted(set(entries), key=str.casefold)


# --- the counter itself -----------------------------------------------------------------------


def hits(counter: str, written: str) -> int:
    return len(count([words.message("sample", 1, written)]).hits[counter])


@pytest.mark.parametrize(
    ("counter", "written", "expected"),
    [
        ("what-clauses", "Send what waits. What follows is lost.", 2),
        ("what-clauses", "What if it fails? What happens then, and what about it? So what?", 0),
        ("what-clauses", "It sends whatever waits, and what\nwaits on the next line.", 1),
        ("tell-words", "Tell it, tells, told, telling, hear, hears, heard.", 7),
        ("tell-words", "An untold story of a teller is overheard.", 0),
        ("negations", "No order, none, nobody, nothing, nor that, neither this.", 6),
        ("negations", "It does not know of noise, a note or a nonesuch.", 0),
        ("semicolons", "One; two; three.", 2),
    ],
)
def test_a_counter_counts_its_words_alone(counter: str, written: str, expected: int) -> None:
    assert hits(counter, written) == expected


PAGE = """\
# A heading; with a semicolon

| what it is | `what none; said` |
| --- | ---: |
| cell; one | [none](docs/nothing-told.md) |

    indented code; what follows

- an item that goes on
  in a second line; here
- `code; what none`

```sh
fenced code; what follows
```
<!-- a comment; what none -->
See https://example.com/none;nothing and &nbsp; too.
"""


def test_code_links_and_rulers_of_a_page_do_not_count() -> None:
    counted = count([words.page("page.md", PAGE)])

    assert {name: len(found) for name, found in counted.hits.items()} == {
        "what-clauses": 1,
        "tell-words": 0,
        "negations": 1,
        "semicolons": 3,
    }
    assert [str(one) for one in counted.hits["semicolons"]] == [
        "page.md:1: A heading; with a semicolon",
        "page.md:5: cell; one",
        "page.md:9: an item that goes on in a second line; here",
    ]


DOCSTRING = """Return the order; see ``what none; said``.

    Args:
        nothing: the store; its name.
        none, no: two of them.

    Returns:
        The order.

    Raises:
        NobodyThere: the store
            has none.
    """


def test_names_and_sections_of_a_docstring_do_not_count() -> None:
    counted = count([words.docstring("module.py", 10, DOCSTRING)])

    assert len(counted.hits["semicolons"]) == 2
    assert [str(one) for one in counted.hits["negations"]] == [
        "module.py:20: NobodyThere: the store has none."
    ]
    assert counted.words == 4 + 4 + 3 + 2 + 4


def test_a_sentence_of_more_than_20_words_is_long() -> None:
    long, short = " ".join(["word"] * 21), " ".join(["Word"] * 20)

    counted = count(
        [words.page("page.md", f"{short}.\n\n{short}, e.g. {long}. `Code` begins one.\n")]
    )

    assert [one.words for one in counted.long] == [43]
    assert counted.sentences == 2


def test_a_place_is_the_line_in_which_its_sentence_begins() -> None:
    counted = count([words.page("page.md", "First one.\nThe second sentence\nhas; a hit.\n")])

    assert str(counted.hits["semicolons"][0]) == "page.md:2: The second sentence has; a hit."


def test_a_small_page_may_have_one_hit_of_each_counter() -> None:
    small, twice = "We told it to wait.", "We told it to wait. We told it twice."

    assert not count([words.page("page.md", small)]).faults(page=True)
    assert len(count([words.page("page.md", twice)]).faults(page=True)) == 1


def test_a_page_of_many_words_is_held_to_the_rates() -> None:
    filler = "The worker retries the step.\n\n" * 100

    assert count([words.page("page.md", filler + "We told it to wait.")]).faults()
    assert not count([words.page("page.md", filler + "We wait; it waits.")]).faults()


def test_a_how_to_page_addresses_its_reader() -> None:
    page = "The operator starts the worker.\n\n" * 10

    assert count([words.page("page.md", page)]).faults(page=True, how_to=True)
    assert not count([words.page("page.md", page + "You start it.")]).faults(how_to=True)


@click.group()
def tool() -> None:
    """Group help; one."""


@tool.command()
@click.option("--store", help="Option help; two.")
def show(store: str) -> None:
    """Command help; three."""


def test_help_of_all_commands_and_options_counts() -> None:
    counted = count(words.help_texts(tool, "tool"))

    assert [one.text.part for one in counted.hits["semicolons"]] == [
        "tool",
        "tool show",
        "tool show --store",
    ]
    assert str(counted.hits["semicolons"][0]).startswith("tests/unit/test_words.py:")


@dataclass(frozen=True)
class Entry:
    code: str
    words: str
    next_step: str


def test_text_and_next_step_of_a_message_count() -> None:
    catalogue = {"VE-0001": Entry("VE-0001", "The store {none} pauses; wait.", "Start it; wait.")}

    counted = count(words.messages(catalogue))

    assert len(counted.hits["semicolons"]) == 2
    assert not counted.hits["negations"]


def test_docstrings_beneath_constants_count_and_revisions_do_not(tmp_path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001.py").write_text('"""A revision; one."""\n')
    (tmp_path / "module.py").write_text('"""A module; one."""\n\nLIMIT = 3\n"""A limit; two."""\n')

    counted = count(words.docstrings(tmp_path))

    assert [str(one).split(":")[-2:] for one in counted.hits["semicolons"]] == [
        ["1", " A module; one."],
        ["4", " A limit; two."],
    ]
