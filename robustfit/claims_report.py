"""Judgements as a report, in Markdown and as one HTML file: the same blocks, written in two ways.

Nothing in it depends on when, where or how fast it was made: the same rows give the same bytes.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustfit.claims import (
    CONFIDENCE,
    DOCUMENTS,
    SECTIONS,
    Finding,
    Judgement,
    Key,
    Measured,
    Outcome,
    Picture,
    Verdict,
)
from robustfit.report import number, with_error
from robustfit.store import folder

if TYPE_CHECKING:
    import pandas

COMMAND = "python -m experiments claims={}"
"""What reproduces a claim."""

MANY = 12
"""More conditions than this are folded away."""

STYLE = """
body { font: 16px/1.5 Georgia, serif; color: #111; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; margin-top: 2.2em; } h3 { border-top: 1px solid #bbb; padding-top: 1em; }
table { border-collapse: collapse; font: 14px/1.4 system-ui, sans-serif; margin: 1em 0; }
th, td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0; border-bottom: 1px solid #ddd; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
blockquote { margin: 1em 0; padding-left: 1em; border-left: 3px solid #bbb; color: #333; }
figure { margin: 1.5em 0; } img { max-width: 100%; } figcaption { font-size: 14px; color: #333; }
code { font-size: .9em; background: #f2f2f2; padding: 0 .2em; } summary { cursor: pointer; }
@media print { details > * { display: block; } h3 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


class Part(ABC):
    """A piece of the report."""

    @abstractmethod
    def markdown(self) -> str:
        """As Markdown."""

    @abstractmethod
    def html(self) -> str:
        """As HTML."""


@dataclass(frozen=True)
class Heading(Part):
    """A heading, and the name by which others link to it."""

    level: int
    text: str
    anchor: str = ""

    def markdown(self) -> str:
        target = f'<a id="{self.anchor}"></a>\n\n' if self.anchor else ""
        return f"{target}{'#' * self.level} {_marked(self.text)}"

    def html(self) -> str:
        target = f' id="{self.anchor}"' if self.anchor else ""
        return f"<h{self.level}{target}>{_tagged(self.text)}</h{self.level}>"


@dataclass(frozen=True)
class Text(Part):
    """A paragraph; a bold word or two may lead it."""

    text: str
    lead: str = ""

    def markdown(self) -> str:
        return (f"**{self.lead}** " if self.lead else "") + _marked(self.text)

    def html(self) -> str:
        lead = f"<b>{html.escape(self.lead)}</b> " if self.lead else ""
        return f"<p>{lead}{_tagged(self.text)}</p>"


@dataclass(frozen=True)
class Quotation(Part):
    """Somebody's sentence, and whose it is."""

    text: str
    source: str

    def markdown(self) -> str:
        return f"> {_marked(self.text)}\n>\n> ({_marked(self.source)})"

    def html(self) -> str:
        return f"<blockquote>{_tagged(self.text)} <small>({_tagged(self.source)})</small></blockquote>"


@dataclass(frozen=True)
class Link:
    """A cell that leads to a heading."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Table(Part):
    """A table with a title; numbers stand to the right; folded away where it is long."""

    header: Sequence[str]
    lines: Sequence[Sequence[str | Link]]
    title: str = ""
    folded: bool = False

    def markdown(self) -> str:
        lines = [" | ".join(map(_cell, line)) for line in (self.header, ["---"] * len(self.header), *self.lines)]
        table = "\n".join(f"| {line} |" for line in lines)
        if self.folded:
            return f"<details><summary>{html.escape(self.title)}</summary>\n\n{table}\n\n</details>"
        return f"{_marked(self.title)}\n\n{table}" if self.title else table

    def html(self) -> str:
        head = "".join(f"<th>{_tagged(title)}</th>" for title in self.header)
        body = "".join(f"<tr>{''.join(map(_data, line))}</tr>\n" for line in self.lines)
        table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
        if self.folded:
            return f"<details><summary>{html.escape(self.title)}</summary>{table}</details>"
        return f"<p>{_tagged(self.title)}</p>{table}" if self.title else table


@dataclass(frozen=True)
class Image(Part):
    """A picture that was drawn: its bytes, the name of its file, what it shows."""

    png: bytes
    name: str
    caption: str

    def markdown(self) -> str:
        return f"![{_marked(self.caption)}](figures/{self.name})\n\n{_marked(self.caption)}"

    def html(self) -> str:
        data = base64.b64encode(self.png).decode()
        image = f'<img alt="{html.escape(self.caption)}" src="data:image/png;base64,{data}">'
        return f"<figure>{image}<figcaption>{_tagged(self.caption)}</figcaption></figure>"


def _marked(text: str) -> str:
    """Plain text as Markdown: what would be markup is not, but for code in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*\\])", r"\\\1", _entities(part)) for part in parts)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cell(content: str | Link) -> str:
    text = f"[{content.text}](#{content.anchor})" if isinstance(content, Link) else _marked(content)
    return text.replace("|", "\\|").replace("\n", " ")


def _tagged(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text, quote=False))


def _data(content: str | Link) -> str:
    if isinstance(content, Link):
        return f'<td><a href="#{content.anchor}">{html.escape(content.text)}</a></td>'
    numeric = re.fullmatch(r"[-+]?[\d.][\d.,e+-]*( \([\d.e+-]+\))?( %)?|-", content)
    return f"<td{' class=n' if numeric else ''}>{_tagged(content)}</td>"


def report(judgements: Sequence[Judgement]) -> list[Part]:
    """The whole report: how it is judged, a table of all claims, a section for each."""
    parts = [Heading(1, "The documents' claims, judged"), *_opening(judgements), _overview(judgements)]
    for letter, group in groupby(judgements, lambda judgement: judgement.claim.section):
        parts.append(Heading(2, f"{letter}. {SECTIONS[letter]}"))
        parts += [part for judgement in group for part in section(judgement)]
    return parts


def _opening(judgements: Sequence[Judgement]) -> list[Part]:
    count = {verdict: sum(one.verdict is verdict for one in judgements) for verdict in Verdict}
    words = ", ".join(f"{verdict.value} {number}" for verdict, number in count.items() if number)
    used = {quote.document for judgement in judgements for quote in judgement.claim.quotes}
    documents = [[name, title] for name, title in DOCUMENTS.items() if name in used]
    return [
        Text("Written by `python -m experiments claims=all`; nothing is written by hand."),
        Text(f"{len(judgements)} claims: {words}."),
        Text(RULE_IN_WORDS),
        Table(["", "document"], documents),
    ]


RULE_IN_WORDS = (
    "A claim is tried under conditions that were fixed beforehand. A condition holds or fails when its interval "
    f"clears what is required, else it is open; the intervals of one claim hold together with {100 * CONFIDENCE:g} % "
    "(Bonferroni), Monte Carlo error included. Identities hold or fail to rounding, thresholds in rational "
    "arithmetic where they are exact. What is said to be so always is supported if all conditions hold and refuted "
    "if one fails; what is said as a rule is supported if all hold, refuted if all fail, and depends if some hold "
    "and some fail; what can be is supported if one holds and refuted if all fail. All else is undecided. In "
    "brackets: the Monte Carlo standard error."
)


def _overview(judgements: Iterable[Judgement]) -> Part:
    header = ["claim", "sentence", "document", "verdict", "key number (MCSE)", "command"]
    lines = [
        [
            Link(one.claim.id, one.claim.id),
            _shortened(one.claim.quotes[0].translation or one.claim.quotes[0].sentence),
            ", ".join(dict.fromkeys(quote.source for quote in one.claim.quotes)),
            one.verdict.value,
            _key(one.evidence.key),
            f"`{COMMAND.format(one.claim.id)}`",
        ]
        for one in judgements
    ]
    return Table(header, lines)


def _shortened(sentence: str, length: int = 110) -> str:
    """The beginning of a sentence, whole words.

    >>> _shortened("one two three", 8)
    'one two ...'
    """
    words = " ".join(sentence.split())
    return words if len(words) <= length else words[:length].rpartition(" ")[0] + " ..."


def _key(key: Key | None) -> str:
    return f"{key.label}: {in_words(key.measured, key.unit)}" if key else "-"


def in_words(measured: Measured, unit: str = "") -> str:
    """A number with its standard error and its unit.

    >>> from robustfit.claims import Exact, Share
    >>> in_words(Exact(1.5), "steps"), in_words(Share(1, 4))
    ('1.5 steps', '0.25 (0.22)')
    """
    if isinstance(measured.value, float | int):
        text = with_error(measured.value, math.nan if measured.mcse is None else measured.mcse)
    else:
        text = str(measured.value)
    return f"{text} {unit}".strip()


def section(judgement: Judgement) -> list[Part]:
    """One claim: whose, what, how judged, what was found, what it means."""
    claim, evidence = judgement.claim, judgement.evidence
    parts: list[Part] = [Heading(3, f"{claim.id}: {judgement.verdict.value}", claim.id)]
    parts += [_quotation(quote) for quote in claim.quotes]
    parts += [Text(claim.statement, "Tried:"), Text(_terms(judgement), "Judged:")]
    parts += [Text(text) for text in _found(judgement)]
    parts += _conditions(judgement.findings)
    parts += [_table(title, table) for title, table in evidence.tables.items()]
    parts += images(judgement)
    meaning = evidence.meaning(judgement.verdict)
    parts += [Text(meaning, "For the choice of a loss:")] if meaning else []
    return [*parts, Text(f"`{COMMAND.format(claim.id)}`", "Again:")]


def _quotation(quote: Any) -> Part:
    text = f"{quote.sentence} [{quote.translation}]" if quote.translation else quote.sentence
    return Quotation(" ".join(text.split()), quote.source)


def _terms(judgement: Judgement) -> str:
    claim = judgement.claim
    return f"said {SAID[claim.quantifier.name]}; scope: {claim.scope}; margin: {claim.margin}."


SAID = {"always": "of every case", "generic": "as a rule", "exists": "of what can happen"}


def _found(judgement: Judgement) -> list[str]:
    """How many conditions came out how; where the verdict depends, both sides with their numbers."""
    if judgement.evidence.missing:
        return [f"Undecided: {judgement.evidence.missing}."]
    sides = {outcome: judgement.among(outcome) for outcome in Outcome}
    counts = ", ".join(f"{len(found)} {WORDS[outcome][len(found) > 1]}" for outcome, found in sides.items() if found)
    total = len(judgement.findings)
    lines = [f"Of {total} conditions {counts}." if total > 1 else f"One condition, which {counts.partition(' ')[2]}."]
    if judgement.verdict is Verdict.depends:
        lines += [
            f"{outcome.value.capitalize()}: {_named(sides[outcome])}." for outcome in (Outcome.holds, Outcome.fails)
        ]
    return lines


WORDS = {Outcome.holds: ("holds", "hold"), Outcome.fails: ("fails", "fail"), Outcome.open: ("is open", "are open")}
"""Of one condition, and of several."""

MOST_NAMED = 8
"""Conditions of one side that are named in a sentence; the table has all."""


def _named(findings: Sequence[Finding]) -> str:
    named = "; ".join(f"{one.condition.name}: {_measured(one)}" for one in findings[:MOST_NAMED])
    return named + (f"; and {len(findings) - MOST_NAMED} more" if len(findings) > MOST_NAMED else "")


def _measured(finding: Finding) -> str:
    return in_words(finding.condition.measured, finding.condition.unit)


def _conditions(findings: Sequence[Finding]) -> list[Part]:
    if not findings:
        return []
    random = any(one.condition.measured.mcse is not None for one in findings)
    header = ["condition", "measured", *(["interval"] if random else []), "required", "outcome"]
    lines = [_finding(one, random) for one in findings]
    folded = len(findings) > MANY
    return [Table(header, lines, f"All {len(findings)} conditions" if folded else "", folded)]


def _finding(finding: Finding, random: bool) -> list[str]:
    condition = finding.condition
    both = [f"{number(float(finding.low))} to {number(float(finding.high))}"] if random else []
    if random and condition.measured.mcse is None:
        both = ["exact"]
    return [condition.name, _measured(finding), *both, str(condition.required), finding.outcome.value]


def _table(title: str, table: pandas.DataFrame) -> Part:
    lines = [[_value(value) for value in line] for line in table.itertuples(index=False)]
    return Table([str(name) for name in table.columns], lines, title)


def _value(value: Any) -> str:
    """A cell of a table: numbers to four digits, Fractions as they are.

    >>> _value(0.123456), _value(3), _value("mae")
    ('0.1235', '3', 'mae')
    """
    return number(float(value)) if isinstance(value, float) else str(value)


def images(judgement: Judgement) -> list[Image]:
    """The pictures of a claim, drawn."""
    pictures = judgement.evidence.pictures.items()
    return [Image(drawn(one), f"{judgement.claim.id}-{name}.png", one.caption) for name, one in pictures]


LOOK: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def drawn(picture: Picture) -> bytes:
    """A picture as PNG, the same bytes each time."""
    from matplotlib import rc_context, rcParamsDefault
    from matplotlib.figure import Figure

    look: Any = {key: value for key, value in rcParamsDefault.items() if key not in UNSAFE} | LOOK
    stream = io.BytesIO()
    with rc_context(look):
        figure = Figure(figsize=(picture.width, picture.height), layout="constrained")
        picture.draw(figure)
        figure.savefig(stream, format="png", dpi=DPI)
    return few_colours(stream)


DPI = 130
"""Dots per inch: 7 inches are 900 of them across."""


def few_colours(stream: io.BytesIO) -> bytes:
    """A PNG with a palette, a quarter of the size: octrees keep the colours of lines; no word on what made it."""
    from PIL import Image as Raster

    smaller = io.BytesIO()
    with Raster.open(stream) as raster:
        palette = raster.convert("RGB").quantize(256, Raster.Quantize.FASTOCTREE, dither=Raster.Dither.NONE)
        palette.save(smaller, format="png", optimize=True)
    return smaller.getvalue()


UNSAFE = ("backend", "backend_fallback", "interactive", "toolbar", "timezone")
"""What a picture does not depend on and must not be reset."""


def markdown(parts: Iterable[Part]) -> str:
    """A report as Markdown."""
    return "\n\n".join(part.markdown() for part in parts) + "\n"


def page(parts: Iterable[Part], title: str = "The documents' claims, judged") -> str:
    """A report as one HTML file that needs no other."""
    body = "\n".join(part.html() for part in parts)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def write(judgements: Sequence[Judgement], path: Path) -> list[Path]:
    """Write CLAIMS.md, claims.html and the figures; each whole or not at all.

    Raises:
        RobustfitError: the folder cannot be written to.
    """
    parts = report(judgements)
    pictures = {part.name: part.png for part in parts if isinstance(part, Image)}
    _save({"CLAIMS.md": markdown(parts).encode(), "claims.html": page(parts).encode()}, path)
    _save(pictures, path / "figures")
    for file in (path / "figures").glob("*.png"):
        if _ours(file.name, judgements) and file.name not in pictures:
            file.unlink()
    return [path / "CLAIMS.md", path / "claims.html", path / "figures"]


def _ours(name: str, judgements: Iterable[Judgement]) -> bool:
    """Whether a figure's name begins as a claim's: one that no claim draws any more is taken away."""
    return any(name.startswith(f"{judgement.claim.id}-") for judgement in judgements)


def _save(files: Mapping[str, bytes], path: Path) -> None:
    with folder(path) as draft:
        for name, content in files.items():
            (draft / name).write_bytes(content)


def verdicts(text: str) -> dict[str, str]:
    """The verdicts that a report in Markdown has in its table, by claim.

    >>> verdicts("| [mae-kink](#mae-kink) | ... | D0 | supported | - | x |")
    {'mae-kink': 'supported'}
    """
    kinds = "|".join(verdict.value for verdict in Verdict)
    return dict(re.findall(rf"^\| \[([\w-]+)\]\(#.* \| ({kinds}) \| .*$", text, re.MULTILINE))
