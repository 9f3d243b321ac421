"""Counts the words of our prose: docstrings, help texts, messages and pages.

The counters are a floor: a text that passes may still be hard to read. The words themselves are
in ``docs/glossary.md``. From a shell, to rewrite a file or a folder:

    PYTHONPATH=tests python -m support.words journal/jobs docs/glossary.md
    PYTHONPATH=tests python -m support.words --help-texts
    PYTHONPATH=tests python -m support.words --messages

A text is kept twice, at the same length: as it was written, and as prose, in which code, links,
rulers and parameter names are blank. So a position in the prose is a line of the file.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]

COUNTERS = {
    "what-clauses": re.compile(r"\b[Ww]hat (?!if|about|happens)[a-z]+"),
    "tell-words": re.compile(r"\b(?:tell|tells|told|telling|hear|hears|heard)\b", re.IGNORECASE),
    "negations": re.compile(r"\b(?:no|none|nobody|nothing|nor|neither)\b", re.IGNORECASE),
    "semicolons": re.compile(";"),
}
BUDGETS = {"what-clauses": 2.0, "tell-words": 0.5, "negations": 5.0, "semicolons": 3.0}
"""Hits per 1,000 words: a text must stay below."""

READER = re.compile(r"\b(?:you|your)\b", re.IGNORECASE)
READER_MINIMUM = 10.0
"""Hits of READER per 1,000 words: a how-to page must stay above."""

LONGEST_SENTENCE = 20
LONG_SHARE = 0.10
SHORTEST_SENTENCE = 4
"""A fragment of fewer words, such as a cell of a table, is not a sentence."""

SMALL = 400
"""Words below which a rate means nothing: one hit per counter is allowed."""

_BREAK = "\f"  # between two blocks of prose: paragraphs, list items, cells
_WORD = re.compile(r"[^\W_][\w'’-]*")
_SENTENCE_END = re.compile(r"[.!?][\"'”’*_)\]]*(?=\s)")

_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)\1(?!`)", re.DOTALL)
_INLINE = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    _CODE_SPAN,
    re.compile(r"\]\([^)\s]*(?:\s+\"[^\"]*\")?\)"),  # the target of a link
    re.compile(r"<?https?://[^\s>)]+>?"),
    re.compile(r"</?[a-z][^>\n]*>"),
    re.compile(r"&#?\w+;"),
)

_FENCE = re.compile(r"(```+|~~~+)")
_LIST_ITEM = re.compile(r"(\s*)([-*+]|\d+[.)])(?=\s)")
_RULER = re.compile(r"\s*\|?[\s:|-]+\|?\s*$")

_SECTION = re.compile(
    r"\s*(Args|Arguments|Attributes|Raises|Returns|Yields|Examples?|Notes?|Warns|Todo)\s*:\s*$"
)
_WITH_NAMES = ("Args", "Arguments", "Attributes", "Raises", "Warns")
_NAME = r"`*\*{0,2}[\w.]+`*(?:\s*\([^)]*\))?"
_NAMES = re.compile(rf"\s*{_NAME}(?:,\s*{_NAME})*\s*:(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Text:
    """One docstring, help text, message or page.

    Attributes:
        where: the file.
        line: number of the first line.
        written: the text as it was written.
        prose: the same text with all that does not count blank.
        part: the command, option or message of the file; empty for docstrings and pages.
    """

    where: str
    line: int
    written: str = field(repr=False)
    prose: str = field(repr=False)
    part: str = ""

    def __post_init__(self) -> None:
        if len(self.written) != len(self.prose):
            raise ValueError(f"{self.where}:{self.line}: prose and text differ in length")

    def line_at(self, position: int) -> int:
        """Return the line of the file in which a position stands."""
        return self.line + self.written.count("\n", 0, position)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text, from one position to another."""

    text: Text
    begin: int
    end: int

    @property
    def words(self) -> int:
        """Number of words, code aside."""
        return len(_WORD.findall(self.text.prose, self.begin, self.end))

    def __str__(self) -> str:
        written = self.text.written[self.begin : self.end]
        begin = self.begin + len(written) - len(written.lstrip())
        shown = " ".join(written.split()).lstrip("|#.-*+>) ").rstrip("| ")
        part = f" [{self.text.part}]" if self.text.part else ""
        return f"{self.text.where}:{self.text.line_at(begin)}{part}: {shown}"


@dataclass(slots=True)
class Count:
    """The counters of some texts.

    Attributes:
        hits: counter to the sentences in which it counted, one entry a hit.
        long: sentences of more than LONGEST_SENTENCE words, the longest first.
    """

    words: int = 0
    sentences: int = 0
    reader: int = 0
    hits: dict[str, list[Sentence]] = field(default_factory=lambda: {name: [] for name in COUNTERS})
    long: list[Sentence] = field(default_factory=list)

    def rate(self, hits: int) -> float:
        """Return hits per 1,000 words."""
        return 1000 * hits / self.words if self.words else 0.0

    @property
    def long_share(self) -> float:
        """Part of the sentences that is too long."""
        return len(self.long) / self.sentences if self.sentences else 0.0

    def summary(self) -> str:
        """Return all counters in one line."""
        rates = ", ".join(
            f"{name} {self.rate(len(hits)):.1f} ({len(hits)})" for name, hits in self.hits.items()
        )
        return (
            f"{self.words} words, {rates}, you/your {self.rate(self.reader):.1f}, "
            f"sentences over {LONGEST_SENTENCE} words {100 * self.long_share:.0f} % "
            f"({len(self.long)} of {self.sentences})"
        )

    def faults(self, *, page: bool = False, how_to: bool = False) -> list[str]:
        """Return a paragraph for each budget that is not met, with the places to fix.

        Args:
            page: the length of sentences counts as well.
            how_to: the page has to address its reader.
        """
        allowed = 1 if self.words < SMALL else 0
        faults = [
            _listed(f"{name}: {self.rate(len(hits)):.1f}, must be < {BUDGETS[name]:g}", hits)
            for name, hits in self.hits.items()
            if len(hits) > allowed and self.rate(len(hits)) >= BUDGETS[name]
        ]
        if page and len(self.long) > allowed and self.long_share > LONG_SHARE:
            share = f"{100 * self.long_share:.0f} %, must be <= {100 * LONG_SHARE:.0f} %"
            faults.append(_listed(f"sentences over {LONGEST_SENTENCE} words: {share}", self.long))
        if how_to and self.rate(self.reader) <= READER_MINIMUM:
            rate = self.rate(self.reader)
            faults.append(f"you/your: {rate:.1f}, must be > {READER_MINIMUM:g}: address the reader")
        return faults


MOST_SHOWN = 40


def _listed(title: str, sentences: list[Sentence]) -> str:
    places = [f"  {sentence}" for sentence in dict.fromkeys(sentences)]
    more = [f"  … and {len(places) - MOST_SHOWN} more"] if len(places) > MOST_SHOWN else []
    return "\n".join([f"{title} (per 1,000 words)", *places[:MOST_SHOWN], *more])


def count(texts: Iterable[Text]) -> Count:
    """Return the counters of texts, taken together."""
    total = Count()
    for text in texts:
        sentences = list(_sentences(text))
        total.words += len(_WORD.findall(text.prose))
        total.reader += len(READER.findall(text.prose))
        for name, pattern in COUNTERS.items():
            for hit in pattern.finditer(text.prose):
                total.hits[name].append(_sentence_at(sentences, text, hit.start()))
        whole = [sentence for sentence in sentences if sentence.words >= SHORTEST_SENTENCE]
        total.sentences += len(whole)
        total.long += [sentence for sentence in whole if sentence.words > LONGEST_SENTENCE]
    total.long.sort(key=lambda sentence: -sentence.words)
    return total


def _sentences(text: Text) -> Iterator[Sentence]:
    begin = 0
    for block in [*(hit.start() for hit in re.finditer(_BREAK, text.prose)), len(text.prose)]:
        for hit in _SENTENCE_END.finditer(text.prose, begin, block):
            following = text.written[hit.end() : block].lstrip()
            # "e.g. this" goes on; a name in code begins a sentence as a capital does.
            if following and not following[0].islower():
                yield Sentence(text, begin, hit.end())
                begin = hit.end()
        yield Sentence(text, begin, block)
        begin = block + 1


def _sentence_at(sentences: list[Sentence], text: Text, position: int) -> Sentence:
    for sentence in sentences:
        if sentence.begin <= position < sentence.end:
            return sentence
    return Sentence(text, position, position + 1)


# --- from a text to its prose -----------------------------------------------------------------


def page(where: str, written: str) -> Text:
    """Return a page in Markdown."""
    return Text(where, 1, written, _finished("".join(_markdown_lines(written))))


def _markdown_lines(written: str) -> Iterator[str]:
    fence, in_list, in_code, after_blank = "", False, False, True
    for line in written.splitlines(keepends=True):
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if fence:
            fence = "" if bare.startswith(fence) else fence
            yield _blank(line)
            continue
        if opened := _FENCE.match(bare):
            fence = opened[1]
            yield _begun(_blank(line))
            continue
        is_item = bool(_LIST_ITEM.match(line))
        in_list = is_item or (in_list and (not bare or indent > 0 or not after_blank))
        in_code = bool(bare) and indent >= (6 if in_list else 4) and (in_code or after_blank)
        after_blank = not bare
        yield _blank(line) if in_code else _markdown_line(line, bare)


def _markdown_line(line: str, bare: str) -> str:
    if bare.startswith("|"):
        return _blank(line) if _RULER.match(line) else re.sub(r"(?<!\\)\|", _BREAK, line)
    if bare.startswith("#"):
        heading = _begun(line.replace("#", " "))
        return heading[:-1] + _BREAK if heading.endswith("\n") else heading
    if bare.startswith(">"):
        line = line.replace(">", " ", 1)
    return _without_marker(line)


def docstring(where: str, line: int, written: str) -> Text:
    """Return a docstring; the words of its sections and the names of parameters do not count."""
    return Text(where, line, written, _finished("".join(_docstring_lines(written))))


def _docstring_lines(written: str) -> Iterator[str]:
    section, entries, literal = "", 0, -1
    for line in written.splitlines(keepends=True):
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if literal >= 0 and (not bare or indent > literal):
            yield _blank(line)
            continue
        literal = indent if bare.endswith("::") else -1
        if found := _SECTION.match(line):
            section, entries = found[1], 0
            yield _begun(_blank(line))
        elif bare.startswith((">>>", "... ")):
            yield _blank(line)
        elif not bare:
            yield line
        else:
            entries = entries or indent
            section = section if indent >= entries else ""
            names = _NAMES.match(line) if section in _WITH_NAMES and indent == entries else None
            yield (
                _begun(_blank(line[: names.end()])) + line[names.end() :]
                if names
                else (_without_marker(line))
            )


def message(where: str, line: int, written: str, part: str = "") -> Text:
    """Return a text for people, with its placeholders blank."""
    prose = re.sub(r"\{[^{}]*\}", lambda hit: _blank(hit[0]), written.replace("\b", " "))
    return Text(where, line, written, _finished(prose), part)


def _finished(prose: str) -> str:
    for pattern in _INLINE:
        prose = pattern.sub(lambda hit: _blank(hit[0]), prose)
    # An empty line ends a block; a single end of line is a space.
    prose = re.sub(r"\n(?=[ \t]*\n)", _BREAK, prose)
    return prose.replace("\n", " ")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _begun(line: str) -> str:
    return _BREAK + line[1:]


def _without_marker(line: str) -> str:
    marker = _LIST_ITEM.match(line)
    return _begun(_blank(line[: marker.end()])) + line[marker.end() :] if marker else line


# --- where texts come from --------------------------------------------------------------------


def docstrings(path: Path) -> list[Text]:
    """Return the docstrings of a module or of all modules of a folder, revisions aside.

    A text beneath a constant is a docstring as well.
    """
    return [text for module in _modules(path) for text in _docstrings_of(module)]


def _modules(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [module for module in sorted(path.rglob("*.py")) if module.parent.name != "versions"]


def _docstrings_of(module: Path) -> Iterator[Text]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for statement in node.body:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield docstring(_named(module), value.lineno, value.value)


def help_texts(command: click.Command, called: str = "vtex-erp") -> list[Text]:
    """Return the help of a command, of its options, and of all commands beneath it."""
    context = click.Context(command, info_name=called)
    where, line = _place_of(command)
    written = {called: command.help, f"{called} (epilog)": command.epilog}
    for option in command.params:
        if isinstance(option, click.Option):
            written[f"{called} {option.opts[-1]}"] = option.help
    texts = [
        message(where, line, inspect.cleandoc(text), name) for name, text in written.items() if text
    ]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            following = command.get_command(context, name)
            if following is not None:
                texts += help_texts(following, f"{called} {name}")
    return texts


def _place_of(command: click.Command) -> tuple[str, int]:
    code = getattr(inspect.unwrap(command.callback), "__code__", None) if command.callback else None
    return (_named(Path(code.co_filename)), code.co_firstlineno) if code else ("?", 1)


def messages(catalogue: Mapping[str, object], where: str = "foundation/messages") -> list[Text]:
    """Return the texts and the next steps of a catalogue of messages."""
    return [
        message(where, 1, str(getattr(entry, part)), f"{code}.{part}")
        for code, entry in catalogue.items()
        for part in ("words", "next_step")
        if getattr(entry, part)
    ]


def texts_of(path: Path) -> list[Text]:
    """Return the docstrings and the pages of a file or a folder."""
    if path.suffix == ".md":
        return [page(_named(path), path.read_text(encoding="utf-8"))]
    pages = sorted(path.rglob("*.md")) if path.is_dir() else []
    return docstrings(path) + [text for each in pages for text in texts_of(each)]


def _named(path: Path) -> str:
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()


def main() -> None:
    """Print the counters and the sentences to fix of files, folders, help texts or messages."""
    parser = argparse.ArgumentParser(prog="python -m support.words", description=main.__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="a .py or .md file, or a folder"
    )
    parser.add_argument("--help-texts", action="store_true", help="the command line's help")
    parser.add_argument("--messages", action="store_true", help="the catalogue of messages")
    chosen = parser.parse_args()
    sources = {str(path): texts_of(path) for path in chosen.paths}
    if chosen.help_texts:
        sources["help texts"] = help_texts(import_module("workers.cli.main").main)
    if chosen.messages:
        sources["messages"] = messages(import_module("foundation.messages.catalogue").CATALOGUE)
    if not sources:
        parser.error("name a file or a folder, or --help-texts, or --messages")
    for name, texts in sources.items():
        counted = count(texts)
        print(f"{name}: {counted.summary()}")
        for counter, hits in counted.hits.items():
            for sentence in dict.fromkeys(hits):
                print(f"  {counter}: {sentence}")
        for sentence in counted.long:
            print(f"  {sentence.words} words: {sentence}")


if __name__ == "__main__":
    main()
