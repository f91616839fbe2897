"""The catalogue reads the YAML files as Hydra does, builds them all, and says readably what it cannot build."""

import re
from dataclasses import dataclass, field

import pytest
import yaml
from hydra import compose, initialize_config_dir  # noqa: TID251 (the judge of what the catalogue reads without it)
from omegaconf import OmegaConf  # noqa: TID251

from robustfit import catalogue
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.parameters import Parametrised, parameter


def entries():
    """Every (group, name) whose YAML describes an object."""
    root = catalogue.config_dir()
    for path in sorted(root.rglob("*/*.yaml")):
        group = path.parent.relative_to(root).as_posix()
        if group != "task" and "_target_" in catalogue.spec(group, path.stem):
            yield group, path.stem


ENTRIES = list(entries())
COMPLETE = [(group, name) for group, name in ENTRIES if "???" not in catalogue.spec(group, name).values()]


def compose_spec(directory, group, name):
    """What Hydra makes of one file of a group."""
    with initialize_config_dir(str(directory), version_base="1.3"):
        content = OmegaConf.to_container(compose(f"{group}/{name}"))
    for part in group.split("/"):
        content = content[part]
    return content


def test_the_groups_are_found():
    assert {"loss", "penalty", "scale"} <= {group for group, _ in ENTRIES}


@pytest.mark.parametrize(("group", "name"), ENTRIES)
def test_every_yaml_means_the_same_to_hydra(group, name):
    assert catalogue.spec(group, name) == compose_spec(catalogue.config_dir(), group, name)


@pytest.mark.parametrize(("group", "name"), COMPLETE)
def test_every_yaml_builds_and_its_object_knows_its_name(group, name):
    thing = catalogue.make(group, name)
    assert thing == catalogue.make(group, name)
    assert catalogue.name_of(group, thing) == name


@pytest.mark.parametrize(("group", "name"), COMPLETE)
def test_every_yaml_names_parameters_that_exist_and_gives_them_all(group, name):
    content = catalogue.spec(group, name)
    known = catalogue.parameters(catalogue.locate(content.pop("_target_"), group))
    assert set(content) <= set(known)
    required = {key for key, default in known.items() if default is ...}
    assert required <= set(content)


@pytest.mark.parametrize("name", catalogue.names("loss"))
def test_a_loss_has_the_same_defaults_in_python_and_in_yaml(name):
    kind = type(catalogue.make("loss", name))
    assert kind() in [catalogue.make("loss", other) for other in catalogue.names("loss")]


@pytest.mark.parametrize(("group", "name"), sorted(set(ENTRIES) - set(COMPLETE)))
def test_a_yaml_that_leaves_something_to_the_user_says_so(group, name):
    missing = next(key for key, value in catalogue.spec(group, name).items() if value == "???")
    with pytest.raises(BadParameter, match=f"{group}.{missing}: must be given"):
        catalogue.make(group, name)


def test_names_are_sorted_stems():
    assert list(catalogue.names("loss")) == sorted(path.stem for path in (catalogue.config_dir() / "loss").iterdir())
    assert catalogue.names("no_such_group") == ()


@pytest.mark.parametrize("value", [0.5, 2, 7.25])
def test_name_of_an_object_with_other_parameters(value):
    assert catalogue.name_of("loss", catalogue.make("loss", "huber", delta=value)) == "huber"


@dataclass(frozen=True)
class Bolt(Parametrised):
    """A class that no YAML file knows."""

    length: float = parameter(above=0)
    threads: int = parameter(2, at_least=1)
    marks: tuple[str, ...] = field(default_factory=lambda: ("a",))


@dataclass(frozen=True)
class Box(Parametrised):
    """A class with a part."""

    lid: Bolt
    bolts: int = 4


def plain(first, second=3):
    """Something that is no dataclass."""
    return first, second


BOLT, BOX = f"{__name__}.Bolt", f"{__name__}.Box"
LOSSES = "robustfit.losses"


def test_name_of_a_class_without_a_yaml_is_its_own():
    assert catalogue.name_of("loss", Bolt(1.0)) == "Bolt"


def test_parameters():
    assert catalogue.parameters(Bolt) == {"length": ..., "threads": 2, "marks": ("a",)}
    assert catalogue.parameters(plain) == {"first": ..., "second": 3}


def test_build_makes_the_parts_first_and_leaves_other_content_alone():
    content = {"_target_": BOX, "lid": {"_target_": BOLT, "length": 2}}
    assert catalogue.build(content, "box") == Box(lid=Bolt(2.0))
    assert catalogue.build({"_target_": BOX, "lid": Bolt(1.0)}, "box") == Box(lid=Bolt(1.0))
    for other in ({"length": 2}, [1], "text", None, 3):
        assert catalogue.build(other, "box") is other


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ({"_target_": BOLT, "length": -1}, BadParameter, "box.length=-1: must be a number, greater than 0"),
        ({"_target_": BOLT, "length": 1, "threads": 0}, BadParameter, "box.threads=0: must be a whole number"),
        ({"_target_": BOLT}, BadParameter, "box.length: must be given"),
        ({"_target_": BOLT, "length": "???"}, BadParameter, "box.length: must be given"),
        (
            {"_target_": BOLT, "lenght": 1},
            Unknown,
            "box: no parameter of Bolt 'lenght' (did you mean 'length'?); there are: length, marks, threads",
        ),
        ({"_target_": BOX, "lid": {"_target_": BOLT, "length": 0}}, BadParameter, "box.lid.length=0: must be"),
        ({"_target_": BOX, "lid": 3}, BadParameter, "box.lid=3: must be a Bolt"),
        ({"_target_": f"{LOSSES}.base.Loss"}, BadParameter, "box: Can't instantiate abstract class Loss"),
        ({"_target_": f"{LOSSES}.huber.Hubber"}, RobustfitError, f"box: cannot import '{LOSSES}.huber.Hubber'"),
        ({"_target_": f"{LOSSES}.no_such.Loss"}, RobustfitError, f"box: cannot import '{LOSSES}.no_such.Loss'"),
        ({"_target_": f"{LOSSES}.huber"}, RobustfitError, f"box: '{LOSSES}.huber' is not a class"),
        ({"_target_": "Huber"}, RobustfitError, "box: cannot import 'Huber'"),
        ({"_target_": ".Huber"}, RobustfitError, "box: cannot import '.Huber'"),
        ({"_target_": ".losses.Huber"}, RobustfitError, "box: cannot import '.losses.Huber'"),
        ({"_target_": ""}, RobustfitError, "box: cannot import ''"),
        ({"_target_": 3}, RobustfitError, "box: cannot import '3'"),
        ({"_target_": None}, RobustfitError, "box: cannot import 'None'"),
    ],
    ids=lambda part: str(part)[:60],
)
def test_what_cannot_be_built_is_refused_in_one_line(content, error, message):
    with pytest.raises(error, match="^" + re.escape(message)) as caught:
        catalogue.build(content, "box")
    assert "\n" not in str(caught.value)


def test_a_name_that_does_not_exist():
    with pytest.raises(Unknown, match=r"no loss 'hubber' \(did you mean 'huber'\?\); there are: bisquare, cauchy"):
        catalogue.make("loss", "hubber")
    with pytest.raises(Unknown, match="no lozenge 'huber'; there are: none"):
        catalogue.make("lozenge", "huber")


def test_a_bad_override_of_a_name():
    with pytest.raises(BadParameter, match="loss.delta=-1: must be a number, greater than 0"):
        catalogue.make("loss", "huber", delta=-1)
    with pytest.raises(Unknown, match="loss: no parameter of Huber 'beta' .*there are: delta"):
        catalogue.make("loss", "huber", beta=1)


TREE = {
    "loss/huber": {"_target_": "losses.Huber", "delta": 1.345},
    "loss/mae": {"_target_": "losses.MAE"},
    "scenario/noise/normal": {"_target_": "noises.Normal", "sigma": 1.0, "mean": 0},
    "scenario/plain": {"defaults": [{"noise": "normal"}, "_self_"], "_target_": "Linear", "n": 1},
    "scenario/wider": {"defaults": [{"noise": "normal"}, "_self_"], "_target_": "Linear", "noise": {"sigma": 2.0}},
    "scenario/self_first": {"defaults": ["_self_", {"noise": "normal"}], "noise": {"sigma": 2.0, "extra": 1}},
    "scenario/child": {"defaults": ["plain", "_self_"], "n": 2},
    "estimator/m": {
        "defaults": [{"/loss": "huber"}, {"/loss@initial.loss": "mae"}, {"/scenario/noise": "normal"}, "_self_"],
        "_target_": "M",
        "initial": {"steps": 3},
    },
    "estimator/grandchild": {"defaults": ["m", {"/loss@other": "mae"}, "_self_"], "loss": {"delta": 1.0}},
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of configurations with every form of a default that the catalogue reads."""
    for name, content in TREE.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(catalogue, "config_dir", lambda: tmp_path)
    catalogue._text.cache_clear()
    yield tmp_path
    catalogue._text.cache_clear()


@pytest.mark.parametrize("name", TREE)
def test_defaults_are_filled_in_as_by_hydra(tree, name):
    group, _, stem = name.rpartition("/")
    assert catalogue.spec(group, stem) == compose_spec(tree, group, stem)


def test_defaults_are_filled_in(tree):
    assert catalogue.spec("scenario", "wider") == {
        "_target_": "Linear",
        "noise": {"_target_": "noises.Normal", "sigma": 2.0, "mean": 0},
    }


def test_a_spec_is_the_callers_to_change(tree):
    catalogue.spec("scenario", "plain")["noise"]["sigma"] = "changed"
    assert catalogue.spec("scenario", "plain")["noise"]["sigma"] == 1.0
