"""`python -m experiments claims=all`: try what the documents claim, and write the report."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from experiments import choosing
from robustfit import claims_report
from robustfit.catalogue import make, names
from robustfit.claims import Claim, Judgement, MissingRows, judge
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.laboratory import Laboratory

HERE = Path(__file__).resolve().parent

HELP = """Try what the documents claim about losses.

  python -m experiments claims=all                try all; write CLAIMS.md, claims.html, CHOOSING.md, figures/ to OUT
  python -m experiments claims=ninety_at_150      try one (or several, with commas) and print what came out

  quick=true       few replicates; the report goes to OUT/claims/quick/
  compute=false    only from the rows that there are; a claim without rows stays undecided, the report goes to
                   OUT/claims/incomplete/ and the exit code is 1
  engine=dask      rows from all cores (default: serial)
  out=results      where the report goes; the rows are kept in OUT/claims/

Claims: """


@dataclass(frozen=True)
class Settings:
    """What the command line asks for."""

    claims: str = ""
    quick: str = "false"
    compute: str = "true"
    engine: str = "serial"
    out: str = "results"

    @classmethod
    def parse(cls, words: Sequence[str]) -> Settings:
        """The settings in words such as `claims=all`.

        Raises:
            RobustfitError: a word is no setting, or its value is none.

        >>> Settings.parse(["claims=all", "quick=true"]).quick
        'true'
        """
        known = cls.__dataclass_fields__
        pairs = [word.partition("=") for word in words]
        for key, equals, _ in pairs:
            if key not in known or not equals:
                raise Unknown.name("setting", key, [f"{name}=" for name in known])
        settings = cls(**{key: value for key, _, value in pairs})
        for key in ("quick", "compute"):
            if getattr(settings, key) not in ("true", "false"):
                raise BadParameter(f"{key}={getattr(settings, key)}: must be true or false")
        if settings.engine not in names("engine"):
            raise Unknown.name("engine", settings.engine, names("engine"))
        return settings


def found(folder: Path = HERE) -> dict[str, Claim]:
    """All claims, in the order of the report: by section, then as they stand in their modules."""
    pattern = re.compile(r"^class \w+\(Claim\):", re.MULTILINE)
    modules = [file.stem for file in sorted(folder.glob("*.py")) if pattern.search(file.read_text(encoding="utf-8"))]
    for module in modules:
        importlib.import_module(f"{__package__}.{module}")
    claims = sorted(
        (kind() for kind in Claim.__subclasses__() if kind.__module__.startswith(f"{__package__}.")), key=_place
    )
    return {claim.id: claim for claim in claims}


def _place(claim: Claim) -> tuple[str, str]:
    return claim.section, type(claim).__module__


def chosen(asked: str, claims: Mapping[str, Claim]) -> list[Claim]:
    """The claims that are asked for: `all`, or ids with commas between them.

    Raises:
        Unknown: there is no such claim.
    """
    if asked == "all":
        return list(claims.values())
    ids = [name.strip().replace("_", "-") for name in asked.split(",")]
    for name in ids:
        if name not in claims:
            raise Unknown.name("claim", name, claims)
    return [claims[name] for name in dict.fromkeys(ids)]


def tried(claims: Sequence[Claim], lab: Laboratory) -> list[Judgement]:
    """The claims, judged one after the other."""
    judgements = []
    with tqdm(claims, unit="claim", disable=not sys.stderr.isatty(), leave=False) as bar:
        for claim in bar:
            bar.set_postfix_str(claim.id)
            judgements.append(judge(claim, lab))
            if bar.disable and not lab.silent:
                print(f"{claim.id}: {judgements[-1].verdict.value}", file=sys.stderr, flush=True)
    return judgements


def run(settings: Settings) -> list[Judgement]:
    """Try the claims that are asked for; write the report where these are all, else print it."""
    out, quick = Path(settings.out), settings.quick == "true"
    asked = chosen(settings.claims, found())
    with make("engine", settings.engine).open() as runner:
        lab = Laboratory(out / "claims", runner, quick, settings.compute == "true")
        judgements = tried(asked, lab)
        if settings.claims == "all":
            report(judgements, lab, out / place(judgements, quick))
    if settings.claims != "all":
        alone(judgements, out / "claims" / "alone")
    return judgements


def report(judgements: Sequence[Judgement], lab: Laboratory, path: Path) -> None:
    """Write the report of all claims and the guide for choosing a loss."""
    files = claims_report.write(judgements, path)
    try:
        files += choosing.write(lab, path)
    except MissingRows as error:
        print(f"no guide for choosing a loss: {error}", file=sys.stderr)
    print("Written: " + ", ".join(str(file) for file in files))


def place(judgements: Sequence[Judgement], quick: bool) -> str:
    """Where a report goes: a quick or an incomplete one does not take the place of the whole one."""
    if missing := [one.claim.id for one in judgements if one.evidence.missing]:
        print(f"no evidence, and so undecided: {', '.join(missing)}", file=sys.stderr)
        return "claims/incomplete"
    return "claims/quick" if quick else "."


def alone(judgements: Sequence[Judgement], path: Path) -> None:
    """Print some claims, and write them down away from the report."""
    for judgement in judgements:
        print(claims_report.markdown(claims_report.section(judgement)))
        files = claims_report.write([judgement], path / judgement.claim.id)
        print("Written: " + ", ".join(str(file) for file in files))


def main(words: Sequence[str]) -> int:
    """The command line; its exit code."""
    if not words or set(words) & {"-h", "--help", "help"}:
        print(HELP + ", ".join(found()))
        return 0
    try:
        settings = Settings.parse(words)
        if not settings.claims:
            raise BadParameter("claims=: say which, or all")
        judgements = run(settings)
    except RobustfitError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped: what was computed is kept; run it again to go on", file=sys.stderr)
        return 130
    return int(any(one.evidence.missing for one in judgements))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
