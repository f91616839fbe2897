"""The plan of the house, held against the code: who may import whom, how big a function is, what a class is."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "robustfit"

LAYERS = {
    17: "__main__ __init__",
    16: "cli regressor classifier engines",
    15: "runs claims_report parts",
    14: "report results laboratory",
    13: "claims figures study_figures replay plan",
    12: "study",
    11: "block",
    10: "cell",
    9: "schema comparisons tolerated axes panels",
    8: "stability store summary precision progress per_datum",
    7: "estimators scenarios metrics path",
    6: "solvers certificates contaminations noises",
    5: "active_set germ",
    4: "vertex joint separation",
    3: "problem scales data outputs",
    2: "losses penalties fit grid montecarlo task normal_classes",
    1: "linalg parameters catalogue",
    0: "errors",
}
"""A module imports from lower levels and from its own package, never from its neighbours on the same level."""

HOMES = {
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "sklearn": {"regressor", "classifier", "parts"},
    "dask": {"engines"},
    "distributed": {"engines"},
    "matplotlib": {"figures", "study_figures", "panels", "report", "claims_report"},
}
"""Where alone a library may be imported."""

LOWEST = {"pandas": 8, "pyarrow": 8, "scipy.optimize": 6}
"""The lowest level that a library may be imported from."""

READS_WHERE_IT_IS_USED = {("scenarios.file", "pandas")}
"""Below that level, inside a function, since data have to be read somewhere."""

CONCEPTS = ["losses", "penalties", "scales", "noises", "contaminations", "scenarios", "solvers", "estimators"]
"""One class per file, named after it."""

NAMED_OTHERWISE = {"penalties.none": "NoPenalty"}  # None is Python's

MUTABLE = {
    "Progress": "counts what has ended",
    "RobustClassifier": "scikit-learn sets an estimator's parameters and results after construction",
    "RobustRegressor": "scikit-learn sets an estimator's parameters and results after construction",
    "_Search": "the state of one batch of ridge fits",
    "_Descent": "the state of one run of Newton's loop",
    "_Descents": "the state of one batch of quasi-Newton descents",
    "_Alternation": "the state of one batch on its way to a joint fit and scale",
    "_View": "counts what SciPy asks for during one run",
}
"""Neither abstract nor frozen, and why; never subclassed either."""

NO_NOUN = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base_impl", "impl", "manager"}

LIGHT = {"robustfit", "numpy", "yaml", "_yaml"}
"""All that the concepts may load when they are imported: the rest only where it is used."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    name: str
    line: int
    in_function: bool


@dataclass(frozen=True)
class Module:
    path: Path

    @cached_property
    def name(self) -> str:
        """Dotted, inside the package: `losses.huber`; a package is its `__init__`."""
        return ".".join(self.path.relative_to(PACKAGE).with_suffix("").parts)

    @cached_property
    def concept(self) -> str:
        return self.name.partition(".")[0]

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, str(self.path))

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]

    @cached_property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree))

    @cached_property
    def neighbours(self) -> dict[str, int]:
        """The modules of this package that are imported, with the line."""
        found = {_module(entry.name): entry.line for entry in self.imports if entry.name.startswith("robustfit.")}
        return {name: line for name, line in found.items() if name not in (None, self.name)}


def _imports(node: ast.AST, in_function: bool = False) -> Iterator[Import]:
    """Every import but those for the type checker; `from a import b` gives a.b."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, in_function) for alias in child.names)
        if isinstance(child, ast.ImportFrom):
            yield from (Import(f"{child.module}.{alias.name}", child.lineno, in_function) for alias in child.names)
        yield from _imports(child, in_function or isinstance(child, Function))


def _module(dotted: str) -> str | None:
    """The module that holds `robustfit.a.b`; none for the names of the package itself, such as its version."""
    parts = dotted.split(".")[1:]
    for length in range(len(parts), 0, -1):
        place = PACKAGE.joinpath(*parts[:length])
        if place.with_suffix(".py").is_file():
            return ".".join(parts[:length])
        if (place / "__init__.py").is_file():
            return ".".join([*parts[:length], "__init__"])
    return None


MODULES = [Module(path) for path in sorted(PACKAGE.rglob("*.py"))]
LEVELS = {name: level for level, names in LAYERS.items() for name in names.split()}

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


@each_module
def test_every_module_has_a_place(module: Module) -> None:
    assert module.concept in LEVELS, f"give {module.concept} a level in LAYERS"


@each_module
def test_imports_go_down(module: Module) -> None:
    upward = {
        f"line {line}: {name}"
        for name, line in module.neighbours.items()
        if name.partition(".")[0] != module.concept
        and LEVELS.get(name.partition(".")[0], 99) >= LEVELS.get(module.concept, 0)
    }
    assert not upward, f"{module.name} (level {LEVELS.get(module.concept)}) imports from its level or above: {upward}"


def test_no_import_cycle() -> None:
    graph = {module.name: set(module.neighbours) for module in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError


@each_module
def test_libraries_stay_where_they_belong(module: Module) -> None:
    astray = {f"line {entry.line}: {entry.name}" for entry in module.imports if not _belongs(entry, module)}
    assert not astray


def _belongs(entry: Import, module: Module) -> bool:
    library = entry.name.partition(".")[0]
    if library in HOMES:
        return module.concept in HOMES[library]
    if entry.in_function and (module.name, library) in READS_WHERE_IT_IS_USED:
        return True
    lowest = [level for name, level in LOWEST.items() if f"{entry.name}.".startswith(f"{name}.")]
    return LEVELS.get(module.concept, 0) >= max(lowest, default=0)


def test_functions_are_small() -> None:
    sizes = sorted((lines, name) for module in MODULES for name, lines in _sizes(module))
    counts = [lines for lines, _ in sizes]
    longest = "; ".join(f"{name} {lines}" for lines, name in sizes[-5:])
    assert median(counts) <= 5, longest
    assert quantiles(counts, n=10)[-1] <= 18, longest


def _sizes(module: Module) -> Iterator[tuple[str, int]]:
    """The code lines of each function, signature included; docstrings, blanks and comments do not count."""
    lines = module.source.splitlines()
    blank = {number for number, line in enumerate(lines, 1) if not line.strip() or line.lstrip().startswith("#")}
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            said = set(range(docstring.lineno, (docstring.end_lineno or 0) + 1)) if docstring else set()
            span = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            yield f"{module.name}.{node.name}", len(span - blank - said)


CLASSES = {node.name: node for module in MODULES for node in module.classes}


def _bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}


def _ancestors(node: ast.ClassDef) -> set[str]:
    bases = _bases(node)
    return bases.union(*(_ancestors(CLASSES[base]) for base in bases if base in CLASSES))


def _dataclass(node: ast.ClassDef) -> str | None:
    """How it is decorated: `dataclass(frozen=True)`, or none where it is no dataclass."""
    found = [text for text in map(ast.unparse, node.decorator_list) if re.match(r"(dataclasses\.)?dataclass\b", text)]
    return found[0] if found else None


def _by_nature(node: ast.ClassDef) -> bool:
    """Exceptions and enumerations follow rules of their own."""
    return any(re.search(r"(Exception|Error|Warning|Enum)$", base) for base in _ancestors(node))


def _has_fields(node: ast.ClassDef) -> bool:
    annotated = [child for child in node.body if isinstance(child, ast.AnnAssign)]
    fields = [child for child in annotated if "ClassVar" not in ast.unparse(child.annotation)]
    attributes = [child for child in ast.walk(node) if isinstance(child, ast.Attribute)]
    stored = [child for child in attributes if isinstance(child.ctx, ast.Store) and ast.unparse(child.value) == "self"]
    return bool(fields or stored)


each_class = pytest.mark.parametrize("name", sorted(set(CLASSES) - set(MUTABLE)))


@each_class
def test_a_class_is_abstract_or_final(name: str) -> None:
    node = CLASSES[name]
    if _by_nature(node):
        return
    if decorator := _dataclass(node):
        assert "frozen=True" in decorator, "a final class is @dataclass(frozen=True)"
    else:
        assert not _has_fields(node), "an abstract class has no fields; a final one is @dataclass(frozen=True)"


@each_class
def test_nothing_concrete_is_subclassed(name: str) -> None:
    concrete = {base for base in _bases(CLASSES[name]) if base in CLASSES and _dataclass(CLASSES[base])}
    assert not concrete | (_bases(CLASSES[name]) & set(MUTABLE))


def test_class_names_are_unique() -> None:
    assert len(CLASSES) == sum(len(module.classes) for module in MODULES)


@each_module
def test_a_module_has_a_noun(module: Module) -> None:
    assert not NO_NOUN & set(module.name.split("."))


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if module.concept in CONCEPTS and module.path.stem not in ("base", "__init__")],
    ids=lambda module: module.name,
)
def test_the_file_bears_the_name_of_its_class(module: Module) -> None:
    expected = NAMED_OTHERWISE.get(module.name, module.path.stem.replace("_", ""))
    assert expected.lower() in {node.name.lower() for node in module.classes}


def _targets(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        yield from ([content["_target_"]] if "_target_" in content else [])
        for value in content.values():
            yield from _targets(value)
    if isinstance(content, list):
        for value in content:
            yield from _targets(value)


CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT / "configs")))
def test_every_target_exists(path: Path) -> None:
    homes = {(f"robustfit.{module.name}", node.name) for module in MODULES for node in module.classes}
    for target in _targets(yaml.safe_load(path.read_text(encoding="utf-8"))):
        module, _, name = target.rpartition(".")
        assert not module.startswith("robustfit") or (module, name) in homes, f"there is no {target}"


PROBE = """
import importlib, json, sys
before, heavy = set(sys.modules), {}
for name in json.load(sys.stdin):
    importlib.import_module(name)
    specs = [getattr(sys.modules[key], "__spec__", None) for key in set(sys.modules) - before]
    before = set(sys.modules)
    files = [(spec.name.partition(".")[0], str(spec.origin)) for spec in specs if spec]
    heavy[name] = sorted({top for top, origin in files if "site-packages" in origin or "dist-packages" in origin})
print(json.dumps(heavy))
"""


def test_concepts_load_no_heavy_library() -> None:
    """In a fresh interpreter: Hydra's job starts, and a worker's too, in the time that these take to import."""
    concepts = [f"robustfit.{module.name}" for module in MODULES if module.concept in CONCEPTS]
    names = ["robustfit", "robustfit.catalogue", *(name.removesuffix(".__init__") for name in concepts)]
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, input=json.dumps(names), capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    heavy = {name: set(loaded) - LIGHT for name, loaded in json.loads(done.stdout).items()}
    assert not {name: loaded for name, loaded in heavy.items() if loaded}
