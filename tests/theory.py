"""Rows of tests/reference/theory.csv: constants of the losses that others computed."""

from __future__ import annotations

import csv
from pathlib import Path

PATH = Path(__file__).parent / "reference" / "theory.csv"


def rows(quantity: str) -> list[dict[str, str]]:
    """The rows of a quantity: loss, constant, argument, value."""
    lines = [line for line in PATH.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [row for row in csv.DictReader(lines) if row["quantity"] == quantity]


def label(row: dict[str, str]) -> str:
    """The name of a test of one row."""
    return f"{row['loss']}({row['constant']})-{row['argument']}"
