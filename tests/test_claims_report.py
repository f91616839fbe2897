"""The report of claims: both sides shown, nothing escaped wrongly, the same bytes each time."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from robustfit import claims_report
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    MissingRows,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    above,
    judge,
)
from robustfit.montecarlo import Estimate
from robustfit.panels import BLUE, GREEN, ORANGE, RED


def draw(figure):
    axes = figure.subplots()
    for color, level in ((BLUE, 1.0), (GREEN, 2.0), (ORANGE, 3.0), (RED, 4.0)):
        axes.plot([0, 1], [level, 0.0], color=color, lw=3)


class Plain(Claim):
    section = "A"
    quotes = (Quote("D0", "1.1", "a < b | c * d"),)
    statement = "x & y"
    quantifier = Quantifier.generic
    margin = "none"


@dataclass(frozen=True)
class Both(Plain):
    id = "both-sides"

    def evidence(self, lab):
        good = Condition("good | case", Sampled(Estimate(2.0, 0.1, 100)), above(1.0), "sd")
        bad = Condition("bad case", Exact(0.5), above(1.0))
        tables, pictures = {"Title": pd.DataFrame({"a|b": [0.123456, np.nan]})}, {"lines": Picture("Lines < 5.", draw)}
        return Evidence((good, bad), Key("ratio", good.measured), lambda v: f"It {v.value} `here`.", tables, pictures)


@dataclass(frozen=True)
class Missing(Plain):
    id = "without-rows"

    def evidence(self, lab):
        raise MissingRows("tiny: the rows of 3 blocks of cells are missing")


@pytest.fixture(scope="module")
def judgements():
    return [judge(Both(), None), judge(Missing(), None)]


@pytest.fixture(scope="module")
def text(judgements):
    return claims_report.markdown(claims_report.report(judgements))


def test_both_sides_are_named_with_numbers(text):
    assert "Holds: good | case: 2.00 (0.10) sd." in text
    assert "Fails: bad case: 0.5." in text
    assert "It depends `here`." in text


def test_a_claim_without_rows_says_so(text):
    assert "### without-rows: undecided" in text
    assert "Undecided: tiny: the rows of 3 blocks of cells are missing." in text


def test_the_verdicts_can_be_read_back(text):
    assert claims_report.verdicts(text) == {"both-sides": "depends", "without-rows": "undecided"}


def test_every_line_of_a_table_has_as_many_cells(text):
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1, table


def test_markup_in_words_is_no_markup(text):
    assert "> a &lt; b | c \\* d" in text
    assert "x &amp; y" in text


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(judgements):
    parser = Links()
    parser.feed(claims_report.page(claims_report.report(judgements)))
    assert not parser.open
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in parser.links)
    assert sum(link.startswith("data:") for link in parser.links) == 1


def test_the_same_judgements_give_the_same_bytes(judgements, tmp_path):
    for name in ("one", "other"):
        claims_report.write(judgements, tmp_path / name)
        mpl.rcParams["lines.linewidth"] = 9.0  # somebody's own taste
    mpl.rcdefaults()
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert [str(file) for file in files] == ["CLAIMS.md", "claims.html", "figures/both-sides-lines.png"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_a_figure_that_is_drawn_no_more_goes(judgements, tmp_path):
    for name in ("both-sides-old.png", "fit.png"):
        (tmp_path / "figures").mkdir(exist_ok=True)
        (tmp_path / "figures" / name).write_bytes(b"")
    claims_report.write(judgements, tmp_path)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["both-sides-lines.png", "fit.png"]


def test_pictures_keep_their_colours_and_carry_no_words():
    png = claims_report.drawn(Picture("", draw))
    image = Image.open(io.BytesIO(png))
    assert not image.info.keys() - {"dpi"}
    colors = np.array([color for _, color in image.convert("RGB").getcolors()])
    for name in (BLUE, GREEN, ORANGE, RED):
        wanted = np.array([int(name[k : k + 2], 16) for k in (1, 3, 5)])
        assert np.abs(colors - wanted).max(1).min() <= 4


def test_many_conditions_are_folded_away():
    conditions = [Condition(f"case {k}", Exact(1.0), above(0.0)) for k in range(claims_report.MANY + 1)]

    @dataclass(frozen=True)
    class Many(Plain):
        id = "many"

        def evidence(self, lab):
            return Evidence(tuple(conditions), None, lambda _: "")

    text = claims_report.markdown(claims_report.section(judge(Many(), None)))
    assert f"<details><summary>All {len(conditions)} conditions</summary>" in text
