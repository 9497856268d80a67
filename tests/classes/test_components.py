import re
import sys

import pytest

from hpsearch.classes.components import (
    ComponentError,
    accepted_arguments,
    class_modules,
    importing_from,
    instantiate,
    is_installed,
    resolve,
    takes_anything,
)

MODULE = """
class Part:
    def __init__(self, size: int = 1, **rest):
        self.size, self.rest = size, rest

class Whole:
    def __init__(self, parts, seed: int = 0, *, limit=None):
        self.parts, self.seed, self.limit = parts, seed, limit

class Child(Whole):
    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)

class LightningModule:
    def __init__(self, *args, **kwargs): ...

class Model(LightningModule):
    def __init__(self, hidden, **kwargs): ...

number = 3
"""


@pytest.fixture
def bricks(tmp_path):
    (tmp_path / "bricks.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needy.py").write_text("import not_there_at_all")
    with importing_from([str(tmp_path)]):
        yield "bricks"
    for name in ("bricks", "broken", "needy"):
        sys.modules.pop(name, None)


def test_a_class_path_resolves_to_its_class(bricks):
    assert resolve("bricks.Part").__name__ == "Part"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("bricks.Prat", "bricks has no class 'Prat'; did you mean 'Part'?"),
        ("bricks.number", "bricks.number is a int, not a class"),
        ("bricsk.Part", "there is no module 'bricsk'; did you mean 'bricks'?"),
        ("qqq.Part", "there is no module 'qqq'; install it, or put its file beside the study file"),
        ("Part", "'Part' is no class path; write package.module.ClassName"),
        ("bricks.", "'bricks.' is no class path"),
        ("../x.Part", "'../x.Part' is no class path"),
        ("broken.Part", "importing broken raises ZeroDivisionError: division by zero"),
        ("needy.Part", "needy needs the module 'not_there_at_all', not installed"),
    ],
)
def test_a_wrong_class_path_is_told_in_one_sentence(bricks, path, message):
    resolve("bricks.Part")
    with pytest.raises(ComponentError, match=re.escape(message)):
        resolve(path)


def test_components_are_built_from_the_inside_out(bricks):
    part = {"class_path": "bricks.Part", "init_args": {"size": 3}}
    bare = {"class_path": "bricks.Part", "init_args": None}
    whole = instantiate(
        {"class_path": "bricks.Whole", "init_args": {"parts": [part, {"second": bare}]}}
    )
    assert whole.parts[0].size == 3
    assert whole.parts[1]["second"].size == 1


def test_what_is_no_component_stays_as_it_is():
    assert instantiate([1, "two", {"three": None}]) == [1, "two", {"three": None}]


def test_extra_arguments_reach_the_outermost_component_only_where_taken_and_not_given(bricks):
    part = {"class_path": "bricks.Part"}
    tree = {"class_path": "bricks.Whole", "init_args": {"parts": part, "limit": 5}}
    whole = instantiate(tree, seed=7, limit=1, size=9, unknown=True)
    assert (whole.seed, whole.limit, whole.parts.size) == (7, 5, 1)


def test_arguments_are_followed_through_kwargs(bricks):
    assert list(accepted_arguments(resolve("bricks.Child"))) == ["parts", "seed", "limit", "depth"]
    assert not takes_anything(resolve("bricks.Child"))


def test_kwargs_of_lightning_itself_take_nothing(bricks):
    assert list(accepted_arguments(resolve("bricks.Model"))) == ["hidden"]
    assert not takes_anything(resolve("bricks.Model"))


def test_kwargs_that_end_nowhere_take_anything(bricks):
    assert takes_anything(resolve("bricks.Part"))


def test_the_modules_of_a_study_are_listed_once_without_its_sampler():
    document = {
        "study": {"sampler": {"class_path": "optuna.samplers.TPESampler"}},
        "model": {"class_path": "a.b.C", "init_args": {"act": {"class_path": "~choice(x.Y, z.W)"}}},
        "trainer": {"callbacks": [{"class_path": "d.E"}, {"class_path": "a.b.F"}]},
    }
    assert class_modules(document) == ("a.b", "d")


def test_the_search_path_is_put_back(tmp_path):
    before = list(sys.path)
    with importing_from([str(tmp_path)]):
        assert sys.path[0] == str(tmp_path)
    assert sys.path == before


def test_a_package_is_looked_for_without_importing_it():
    assert is_installed("json")
    assert not is_installed("not_there_at_all")
