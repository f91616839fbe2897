"""The columns of rows and what they mean."""

from __future__ import annotations

from robustfit.cell import column_docs


def columns_table(task: str = "regression", beyond: str | None = None) -> str:
    """The documentation of the columns of a task's rows as a Markdown table, without those that another task has too.

    >>> print(columns_table("boxes", beyond="regression").splitlines()[6])
    | `clean_iou_50` | Share of the rows in which that is at least 0.5. |
    """
    known = column_docs(beyond) if beyond else {}
    docs = {name: text for name, text in column_docs(task).items() if known.get(name) != text}
    rows = [f"| `{name}` | {' '.join(text.split())} |" for name, text in docs.items()]
    return "\n".join(["| column | meaning |", "|---|---|", *rows])
