"""What a caller can act on: every mistake of a user ends in one of these, in one or two readable lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class RobustfitError(Exception):
    """Anything robustfit refuses, said in words that tell what is needed, what was given and what exists."""


class BadParameter(RobustfitError, ValueError):
    """A parameter of the wrong type or outside its range."""


class BadData(RobustfitError, ValueError):
    """Data that cannot be fitted: missing, not numeric, not finite, too few."""


class Incompatible(RobustfitError, ValueError):
    """Two parts that do not go together, such as a solver and a loss it cannot minimise."""


class Unknown(RobustfitError, ValueError):
    """A name that does not exist; the message lists those that do."""

    @classmethod
    def name(cls, kind: str, given: str, known: Iterable[str]) -> Unknown:
        """The error for an unknown name, with the closest known one first.

        >>> print(Unknown.name("loss", "hubber", ["huber", "mae"]))
        no loss 'hubber' (did you mean 'huber'?); there are: huber, mae
        """
        names = sorted(known)
        close = get_close_matches(given, names, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return cls(f"no {kind} '{given}'{hint}; there are: {', '.join(names) or 'none'}")


@dataclass(frozen=True)
class Failure:
    """A piece of work that could not be done, as a value: why, in one line, and in full."""

    reason: str
    details: str = ""
