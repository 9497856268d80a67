import re
import sys

import pytest

from hpsearch.classes.components import (
    ComponentError,
    class_modules,
    importing_from,
    is_installed,
    resolve,
)

MODULE = """
class Part:
    @classmethod
    def smallest(cls): ...

def make_part(size): ...

number = 3
"""


@pytest.fixture
def bricks(tmp_path):
    (tmp_path / "bricks.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "exported.py").write_text("get_ipython().system('pip install lightning')")
    (tmp_path / "magic.py").write_text("# In[1]:\n%matplotlib inline")
    (tmp_path / "needy.py").write_text("import not_there_at_all")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "within.py").write_text(MODULE)
    with importing_from([str(tmp_path)]):
        yield "bricks"
    for name in ("bricks", "broken", "needy"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("bricks.Part", "Part"),
        ("bricks.make_part", "make_part"),
        ("bricks.Part.smallest", "Part.smallest"),
    ],
)
def test_a_class_path_names_a_class_a_factory_or_a_class_method(bricks, path, name):
    assert resolve(path).__qualname__ == name


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("bricks.Prat", "bricks has no class 'Prat'; did you mean 'Part'?"),
        ("bricks.make_prat", "bricks has no class 'make_prat'; did you mean 'make_part'?"),
        ("bricks.Part.smalest", "bricks.Part has no class 'smalest'; did you mean 'smallest'?"),
        ("bricks.Prat.smallest", "bricks has no module 'Prat'; did you mean 'Part'?"),
        ("bricks.number", "bricks.number is a int, not a class"),
        ("bricsk.Part", "there is no module 'bricsk'; did you mean 'bricks'?"),
        (
            "qqq.Part",
            "there is no module 'qqq'; install it, or put its file next to the study file",
        ),
        (
            "within.Part",
            "there is no module 'within' outside of src/; install the project, as in pip install",
        ),
        ("Part", "'Part' is not a class path; write package.module.ClassName"),
        ("bricks.", "'bricks.' is not a class path"),
        ("../x.Part", "'../x.Part' is not a class path"),
        (
            "broken.Part",
            "importing broken raises ZeroDivisionError: division by zero (broken.py, line",
        ),
        (
            "exported.Part",
            "importing exported raises NameError: name 'get_ipython' is not defined (exported.py,"
            " line 1); only a notebook understands `get_ipython`: remove such lines",
        ),
        (
            "magic.Part",
            "importing magic raises SyntaxError: invalid syntax (magic.py, line 2); only a notebook"
            " understands `%matplotlib inline`: remove such lines",
        ),
        (
            "__main__.Part",
            "__main__ has no class 'Part'; a program wrote this: name its module instead, as in"
            " train.Part",
        ),
        ("textcls.Part", "there is no module 'textcls'; install it"),  # as similar to itertools
        ("needy.Part", "needy needs the module 'not_there_at_all', not installed"),
    ],
)
def test_a_wrong_class_path_is_reported_in_one_sentence(bricks, path, message):
    resolve("bricks.Part")
    with pytest.raises(ComponentError, match=re.escape(message)):
        resolve(path)


def test_the_modules_of_a_study_are_listed_once_without_its_sampler():
    document = {
        "study": {"sampler": {"class_path": "optuna.samplers.TPESampler"}},
        "model": {"class_path": "a.b.C", "init_args": {"act": {"class_path": "~choice(x.Y, z.W)"}}},
        "data": {"class_path": "functools.partial", "init_args": {"func": "g.h"}},
        "trainer": {"callbacks": [{"class_path": "d.E"}, {"class_path": "a.b.F"}]},
    }
    assert class_modules(document) == ("a.b", "x", "z", "functools", "g", "d")


def test_the_search_path_is_put_back(tmp_path):
    before = list(sys.path)
    with importing_from([str(tmp_path)]):
        assert sys.path[0] == str(tmp_path)
    assert sys.path == before


def test_a_package_is_looked_for_without_importing_it():
    assert is_installed("json")
    assert not is_installed("not_there_at_all")
