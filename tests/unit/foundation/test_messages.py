"""The catalogue of texts for people."""

from __future__ import annotations

import ast
import pickle
import re
import string
from pathlib import Path

import pytest

from foundation.messages.catalogue import AREAS, CATALOGUE
from foundation.messages.message import Message, Text, code_of, error_text, message

ROOT = Path(__file__).parents[3]
LAYERS = ("foundation", "vtex", "erp", "journal", "tasks", "workers")


def fields_of(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_each_code_belongs_to_one_message() -> None:
    with pytest.raises(ValueError, match="VE-3001"):
        message("VE-3001", "another text")


def test_the_catalogue_holds_every_message_of_every_area() -> None:
    constants = [
        value for area in AREAS for value in vars(area).values() if isinstance(value, Message)
    ]

    assert sorted(one.code for one in constants) == sorted(CATALOGUE)
    assert all(re.fullmatch(r"VE-[1-9]\d{3}", code) for code in CATALOGUE)


def test_every_module_of_messages_is_an_area() -> None:
    modules = {path.stem for path in (ROOT / "foundation/messages").glob("*.py")}

    assert modules - {"__init__", "message", "catalogue"} == {
        area.__name__.rpartition(".")[2] for area in AREAS
    }


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_the_next_step_needs_no_field_of_its_own_and_both_end_without_a_full_stop(
    code: str,
) -> None:
    entry = CATALOGUE[code]

    assert fields_of(entry.next_step) <= fields_of(entry.words) | {
        "store",
        "order_id",
        "command",
        "where",
        "options",
        "setting",
        "example",
        "key",
        "variable",
    }
    assert not entry.words.endswith(".")
    assert not entry.next_step.endswith(".")
    assert all(name.isidentifier() for name in fields_of(entry.words))


def test_every_message_is_used() -> None:
    used = {
        word
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if "foundation/messages" not in str(path)
        for word in re.findall(r"\w+", path.read_text())
    }
    unused = [
        name
        for area in AREAS
        for name, value in vars(area).items()
        if isinstance(value, Message) and name not in used
    ]

    assert unused == []


def test_no_file_writes_a_code_by_hand() -> None:
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            if path.parent.name == "messages":
                continue
            literals = [
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            assert not [text for text in literals if re.fullmatch(r"VE-\d{4}", text)], path


def test_a_text_keeps_its_code_across_processes_and_holds_foreign_braces_as_they_are() -> None:
    entry = Message("VE-9999", "the ERP refuses {what}", "Correct {what}")

    text = pickle.loads(pickle.dumps(entry(what="{sku}")))

    assert isinstance(text, Text)
    assert text == "the ERP refuses {sku}. Correct {sku}"
    assert (text.words, text.next_step) == ("the ERP refuses {sku}", "Correct {sku}")
    assert (code_of(text), code_of("other words")) == ("VE-9999", "")
    assert code_of(error_text(ValueError(text))) == "VE-9999"
    assert error_text(KeyError("other words")) == "'other words'"
