"""What a class path and its arguments become: the same for the check of a study and for a trial."""

import copy
import enum
import functools
import sys
import textwrap
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
import torch
from torch import nn

from hpsearch.classes.binding import Binder, bind, instantiate
from hpsearch.classes.components import ComponentError, importing_from
from hpsearch.classes.values import read_value

CLASSES = '''
import argparse
import enum
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Optional, Protocol, Required, TypedDict

import pydantic

import torch
from torch import nn


class Act(enum.Enum):
    TANH = "tanh"
    RELU = "relu"


@dataclass
class Sizes:
    width: int
    depth: int = 2
    act: Act = Act.TANH


class Options(TypedDict, total=False):
    width: Required[int]
    act: Act


class Config(pydantic.BaseModel):
    lr: float = 0.1
    sizes: Sizes | None = None


class Loss(Protocol):
    def __call__(self, guess: torch.Tensor, truth: torch.Tensor) -> torch.Tensor: ...


class Keeps:
    """Keeps what it is given."""

    def __init__(self, **kwargs):
        vars(self).update(kwargs)


class Strict(dict):
    """Takes dicts alone, as OmegaConf does, and no class derived from them."""

    def __init__(self, content):
        parts = [part for each in content.values() for part in (each, each["nodes"][0])]
        super().__init__(content, kinds={type(part) for part in parts})


class Typed(Keeps):
    def __init__(
        self,
        act: Act = Act.TANH,
        acts: "list[Act] | None" = None,
        sizes: Optional[Sizes] = None,
        rows: tuple[Sizes, ...] = (),
        precision: torch.dtype = torch.float32,
        device: torch.device | None = None,
        folder: Path = Path(),
        kind: Literal["a", "b"] = "a",
        optimizer: type[torch.optim.Optimizer] = torch.optim.Adam,
        given: torch.optim.Optimizer | None = None,
        make: Callable[[Iterable], torch.optim.Optimizer] | None = None,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
        net: nn.Module | None = None,
        nets: Sequence[nn.Module] = (),
        heads: Mapping[str, nn.Module] | None = None,
        schedule: torch.optim.lr_scheduler = None,
        hidden: int = None,
        rate: float = 0.5,
        text: str = "",
        anything: Any = None,
        untyped=None,
        namespace: Optional[argparse.Namespace] = None,
        ordered: OrderedDict | None = None,
        strict: Strict | None = None,
        options: Options | None = None,
        config: Config | None = None,
        pair: tuple[Sizes, Sizes] | None = None,
        spot: tuple[int, int] = (0, 0),
        weights: torch.Tensor | None = None,
        protocol: Loss | None = None,
        call: Callable | None = None,
        calls: Callable[..., Any] = nn.ReLU,
        layer=nn.ReLU,
        function=nn.functional.relu,
    ):
        super().__init__(**{name: value for name, value in locals().items() if name != "self"})


class Holder(nn.Module):
    def __init__(self, inner: nn.Module, size=1):
        super().__init__()
        self.inner, self.size = inner, size

    @classmethod
    def of(cls, width: int):
        return cls(nn.Linear(width, 1))


def build(width):
    return nn.Linear(4, width)


def build_typed(width: int) -> nn.Module:
    return nn.Linear(4, width)


def focal(guess, truth, gamma=2.0) -> torch.Tensor:
    return (guess - truth) ** gamma


flat = functools.partial(focal, gamma=1.0)


class HalfSGD(torch.optim.SGD):
    def __init__(self, params, lr=0.5):
        super().__init__(params, lr)


def make_optimizer(params, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=lr)


class Placed:
    def __init__(self, width, /, depth=1, *sizes: int, rate=1):
        self.given = (width, depth, sizes, rate)


class Base:
    def __init__(self, dataset, batch_size=16, **kwargs):
        self.dataset, self.batch_size = dataset, batch_size


class Fixes(Base):
    def __init__(self, batch_size=16, **kwargs):
        super().__init__("rows", batch_size, **kwargs)
'''


@pytest.fixture(autouse=True)
def bricks(tmp_path):
    (tmp_path / "bricks.py").write_text(textwrap.dedent(CLASSES))
    with importing_from([str(tmp_path)]):
        yield
    sys.modules.pop("bricks", None)


def component(class_path, **arguments):
    return {"class_path": class_path, "init_args": arguments}


def typed(**arguments):
    return instantiate(component("bricks.Typed", **arguments))


LINEAR = component("torch.nn.Linear", in_features=4, out_features=2)


@pytest.mark.parametrize(
    ("name", "written", "text"),
    [
        ("act", "TANH", "Act.TANH"),
        ("act", "relu", "Act.RELU"),
        ("acts", ["relu", "TANH"], "[<Act.RELU: 'relu'>, <Act.TANH: 'tanh'>]"),
        ("sizes", {"width": 3}, "Sizes(width=3, depth=2, act=<Act.TANH: 'tanh'>)"),
        ("sizes", {"width": 3, "act": "relu"}, "Sizes(width=3, depth=2, act=<Act.RELU: 'relu'>)"),
        ("rows", [{"width": 3, "act": "relu"}], "(Sizes(width=3, depth=2, act=<Act.RELU: 'relu'>)"),
        ("precision", "torch.float16", "torch.float16"),
        ("device", "cpu", "cpu"),
        ("optimizer", component("torch.optim.SGD"), "<class 'torch.optim.sgd.SGD'>"),
        ("folder", "a/b", "a/b"),
        ("kind", "b", "b"),
        ("optimizer", "torch.optim.SGD", "<class 'torch.optim.sgd.SGD'>"),
        ("net", "torch.nn.ReLU", "ReLU()"),
        ("net", LINEAR, "Linear(in_features=4, out_features=2, bias=True)"),
        ("net", component("bricks.build_typed", width=3), "Linear(in_features=4, out_features=3"),
        ("net", component("bricks.build", width=3), "Linear(in_features=4, out_features=3"),
        ("nets", [LINEAR, component("bricks.build", width=3)], "[Linear(in_features=4, out"),
        ("heads", {"a": LINEAR}, "{'a': Linear(in_features=4"),
        ("loss", "bricks.focal", "<function focal"),
        ("loss", "bricks.flat", "functools.partial(<function focal"),
        ("loss", "torch.relu", "<built-in method relu"),
        ("loss", component("torch.nn.functional.gelu", approximate="tanh"), "functools.partial(<"),
        ("loss", "torch.nn.functional.mse_loss", "<function mse_loss"),
        ("anything", [LINEAR, {"x": component("torch.nn.ReLU")}], "[Linear(in_features=4"),
        ("anything", "12", "12"),
        ("untyped", component("torch.nn.ReLU"), "ReLU()"),
        ("untyped", {"a": [1, None]}, "{'a': [1, None]}"),
        ("hidden", None, "None"),
        ("hidden", 3, "3"),
        ("rate", 1, "1.0"),
        ("namespace", {"lr": 0.1, "net": LINEAR}, "Namespace(lr=0.1, net=Linear(in_features=4"),
        ("ordered", {"a": 1}, str(OrderedDict(a=1))),
        ("options", {"width": 3, "act": "relu"}, "{'width': 3, 'act': <Act.RELU: 'relu'>}"),
        ("config", {"lr": 0.5, "sizes": {"width": 3}}, "lr=0.5 sizes=Sizes(width=3, depth=2"),
        ("protocol", "torch.nn.functional.mse_loss", "<function mse_loss"),
        ("protocol", component("bricks.focal", gamma=1.0), "functools.partial(<function focal"),
        ("protocol", "torch.nn.MSELoss", "MSELoss()"),
        ("call", "torch.nn.ReLU", "ReLU()"),
        ("call", component("torch.nn.LeakyReLU", negative_slope=0.5), "LeakyReLU(negative_slope"),
        ("calls", "torch.nn.GELU", "<class 'torch.nn.modules.activation.GELU'>"),
        ("layer", "torch.nn.GELU", "<class 'torch.nn.modules.activation.GELU'>"),
        ("layer", component("torch.nn.ELU", alpha=2.0), "functools.partial(<class 'torch.nn.mod"),
        ("layer", "gelu", "gelu"),
        ("function", "torch.nn.functional.gelu", "<built-in function gelu>"),
        ("function", component("torch.nn.GELU"), "GELU(approximate='none')"),
    ],
)
def test_an_argument_becomes_what_its_type_hint_asks_for(name, written, text):
    assert str(getattr(typed(**{name: written}), name)).startswith(text)


def test_another_kind_of_mapping_is_made_of_dicts():
    assert typed(strict={"net": {"nodes": [{"lr": 0.1}]}}).strict["kinds"] == {dict}


def test_a_mapping_without_a_type_hint_is_a_dict_and_a_namespace_as_deep_as_it_goes():
    hparams = typed(untyped={"lr": 0.1, "net": {"depth": 2}}).untyped
    for each in (hparams, copy.deepcopy(hparams)):
        assert isinstance(each, dict)
        assert each["lr"] == each.lr == vars(each)["lr"] == 0.1
        assert each.net.depth == dict(**each.net)["depth"] == 2
    assert not hasattr(hparams, "width")


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("act", "gelu", "act: must be TANH or RELU, not 'gelu'"),
        ("sizes", {"width": "wide"}, "sizes.width: must be int, not 'wide'"),
        ("sizes", {"widht": 3}, "bricks.Sizes has no argument 'widht'; did you mean 'width'?"),
        ("sizes", {"depth": 3}, "sizes.width: bricks.Sizes needs the argument 'width'"),
        ("precision", "torch.half16", "precision: must be torch.dtype, not 'torch.half16'"),
        ("kind", "c", "kind: must be a or b, not 'c'"),
        ("hidden", "wide", "hidden: must be int, not 'wide'"),
        ("rate", None, "rate: must be float, not None"),
        ("text", LINEAR, "text.class_path: must be str, not torch.nn.Linear"),
        ("text", component("subprocess.Popen", args="ls"), "subprocess.Popen is part of Python's"),
        ("net", component("bricks.Sizes", width=1), "net.class_path: must be torch.nn.modules"),
        ("net", component("torch.nn.Linear", in_feature=4), "no argument 'in_feature'; did you"),
        ("nets", [component("bricks.Sizes", width=1)], "nets.0.class_path: must be torch.nn."),
        ("optimizer", "torch.nn.ReLU", "optimizer: must be type[torch.optim.optimizer.Optimizer]"),
        ("loss", "os.system", "loss: os.system is part of Python's standard library"),
        ("loss", "yaml.unsafe_load", "loss: yaml.unsafe_load does not declare that it"),
        ("loss", "torch.hub.load", "loss: a study file may not name torch.hub.load"),
        ("loss", "torchvision.datasets.utils.os.system", "posix.system is part of Python's"),
        ("untyped", component("bricks.nothing"), "untyped.class_path: bricks has no class 'noth"),
        ("options", {"act": "relu"}, "options.width: bricks.Options needs the argument 'width'"),
        ("options", {"width": 1, "atc": 1}, "bricks.Options has no argument 'atc'; did you mean"),
        ("config", {"lrr": 1}, "bricks.Config has no argument 'lrr'; did you mean 'lr'?"),
        ("pair", [{"width": 1}], "pair: must be tuple[bricks.Sizes, bricks.Sizes] | None, not [{"),
        ("loss", "torch.nn.functional.mse_los", "has no class 'mse_los'; did you mean 'mse_loss'?"),
        ("optimizer", "torch.optim.Adm", "torch.optim has no class 'Adm'; did you mean 'Adam'?"),
        ("net", "torch.nn.ReLu", "torch.nn has no class 'ReLu'; did you mean 'ReLU'?"),
        (
            "anything",
            component("functools.partial", func="os.system"),
            "anything.func: os.system is part of Python's standard library",
        ),
    ],
)
def test_an_argument_that_does_not_fit_is_named_with_what_would(name, written, message):
    with pytest.raises(ComponentError) as caught:
        typed(**{name: written})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "written", "ending"),
    [
        ("hidden", [1, 2], "; to search it, write ~choice(1, 2)"),
        ("spot", [1, 2, 3], "must be tuple[int, int], not [1, 2, 3]"),
        ("weights", [1.0, 2.0], "must be torch.Tensor | None, not [1.0, 2.0]"),
    ],
)
def test_a_search_is_offered_where_each_of_its_options_would_fit(name, written, ending):
    with pytest.raises(ComponentError) as caught:
        typed(**{name: written})
    assert str(caught.value).endswith(ending)


def test_every_error_is_named_at_once():
    with pytest.raises(ComponentError) as caught:
        bind(component("bricks.Typed", hidden="wide", net=component("torch.nn.Linear")), ("model",))
    assert str(caught.value) == (
        "model.hidden: must be int, not 'wide'; "
        "model.net.in_features: torch.nn.Linear needs the argument 'in_features'; "
        "model.net.out_features: torch.nn.Linear needs the argument 'out_features'"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("make", component("torch.optim.SGD", lr=0.5)),
        ("make", component("bricks.make_optimizer", lr=0.5)),
        ("optimizer", component("torch.optim.SGD", lr=0.5)),
        ("optimizer", component("functools.partial", func="torch.optim.SGD", lr=0.5)),
        ("untyped", component("torch.optim.SGD", lr=0.5)),
        ("given", component("torch.optim.SGD", lr=0.5)),
        ("given", "bricks.HalfSGD"),
    ],
)
def test_an_optimizer_without_its_weights_is_a_factory(name, written):
    make = getattr(typed(**{name: written}), name)
    assert isinstance(make, functools.partial | type)
    optimizer = make([nn.Parameter(torch.zeros(1))])
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["lr"] == 0.5


def test_a_schedule_without_its_optimizer_is_a_factory_whatever_its_hint_says():
    schedule = component("torch.optim.lr_scheduler.StepLR", step_size=3)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    assert typed(schedule=schedule).schedule(optimizer=optimizer).step_size == 3


def test_a_function_that_lacks_arguments_is_a_partial_where_something_to_call_is_asked_for():
    loss = typed(loss=component("bricks.focal", gamma=1.0)).loss
    assert loss(torch.tensor(3.0), torch.tensor(1.0)) == 2


def test_a_class_method_builds_its_class():
    assert instantiate(component("bricks.Holder.of", width=3)).inner.in_features == 3
    net = typed(net=component("bricks.Holder.of", width=3)).net
    assert type(net).__name__ == "Holder"


def test_what_a_class_takes_by_position_alone_is_given_by_its_name():
    kept = instantiate(component("bricks.Placed", width=3, depth=2, sizes=[4, 5]))
    assert kept.given == (3, 2, (4, 5), 1)
    layers = instantiate(
        component("torch.nn.Sequential", args=[LINEAR, component("torch.nn.ReLU")])
    )
    assert [type(layer).__name__ for layer in layers] == ["Linear", "ReLU"]
    with pytest.raises(ComponentError, match=r"Placed needs the argument 'width'"):
        instantiate(component("bricks.Placed"))


def test_a_subclass_need_not_be_given_what_it_fixes():
    rows = instantiate(component("bricks.Fixes", batch_size=8))
    assert (rows.dataset, rows.batch_size) == ("rows", 8)


def test_names_that_only_kwargs_take_are_passed_on_and_components_in_them_are_built():
    tree = {**component("bricks.Keeps", size=3), "dict_kwargs": {"net": LINEAR}}
    kept = instantiate(tree)
    assert (kept.size, kept.net.out_features) == (3, 2)


def test_what_hpsearch_supplies_is_given_only_where_it_is_wanted():
    bound = bind(component("bricks.Holder", size=3), supplied=("inner", "seed"))
    assert [name for name in ("inner", "size", "seed") if bound.wants(name)] == ["inner"]
    assert bound.build(inner=nn.ReLU(), size=5, seed=1).size == 3


def test_components_in_lists_and_mappings_are_built():
    assert typed(untyped=[1, "two", {"three": None}]).untyped == [1, "two", {"three": None}]
    (layer,) = typed(untyped=[component("torch.nn.ReLU")]).untyped
    assert isinstance(layer, nn.ReLU)


def test_a_class_path_alone_is_a_component_without_arguments():
    assert isinstance(instantiate("torch.nn.ReLU"), nn.ReLU)


@pytest.mark.parametrize("written", ["bricks.focal", "bricks.nothing", "a b.c", "focal"])
def test_a_text_stays_one_where_a_text_is_asked_for_first(written: str) -> None:
    assert Binder().value(written, (), str | Callable)() == written
    built = Binder().value(written, (), Callable | str)()
    assert getattr(built, "__name__", built) == ("focal" if written == "bricks.focal" else written)


def test_each_build_is_another_object():
    bound = bind(component("bricks.Typed", net=LINEAR, untyped=[1]))
    one, two = bound.build(), bound.build()
    assert one.net is not two.net
    assert one.untyped is not two.untyped


@pytest.mark.parametrize("hint", [int | float | None, float | int | None])
@pytest.mark.parametrize("value", [1, 1.0, 0, 0.5])
def test_a_number_keeps_its_type_where_both_fit(hint: Any, value: float) -> None:
    """To typing the hints are equal, but one validation batch is not the whole of them."""
    built = read_value(hint, value)()
    assert (type(built), built) == (type(value), value)


class Act(enum.Enum):
    """A kind whose value is not its name."""

    A = "a"


class Switch(enum.IntEnum):
    """A kind with a member that is false."""

    OFF = 0
    ON = 1


@pytest.mark.parametrize("written", ["OFF", 0])
def test_a_member_that_is_false_is_found_by_its_name_and_by_its_value(written: Any) -> None:
    assert read_value(Switch, written)() is Switch.OFF


@dataclass
class Counted:
    """Has a field that takes both kinds of numbers."""

    rows: list[int | float]


ORDERS = [(int, float), (float, int)]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("container", "written", "kept"),
    [
        (lambda number: list[number], [1, 2.5], [1, 2.5]),
        (lambda number: tuple[number, ...], [1, 2.5], (1, 2.5)),
        (lambda number: tuple[float, number], [1, 2], (1.0, 2)),
        (lambda number: dict[str, number], {"a": 1, "b": 2.5}, {"a": 1, "b": 2.5}),
        (lambda number: dict[str, list[number]] | None, {"a": [1]}, {"a": [1]}),
        (
            lambda number: Optional[list[number]],  # noqa: UP045
            [1, 2.5],
            [1, 2.5],
        ),
        (lambda number: Sequence[number | None], [1, None], [1, None]),
        (
            lambda number: Union[number, str],  # noqa: UP007
            "007",
            "007",
        ),
        (lambda number: Counted, {"rows": [1, 2.5]}, Counted([1, 2.5])),
        (lambda _: list[int] | list[float], [1, 2.5], [1.0, 2.5]),
        (lambda _: list[float] | list[int], [1, 2], [1, 2]),
        (
            lambda number: Optional[list[Union[number, str]]],  # noqa: UP045, UP007
            ["007", 1, 2.5],
            ["007", 1, 2.5],
        ),
        (lambda _: str | None, "null", "null"),
        (lambda _: Literal["a", None], None, None),
        (lambda _: list[Literal["a", None]], ["a", None], ["a", None]),
    ],
)
def test_numbers_inside_keep_their_types_whichever_hint_was_seen_first(
    container: Any, written: Any, kept: Any, first: int
) -> None:
    """One process reads both hints, in both orders."""
    for one, two in (ORDERS[first], ORDERS[1 - first]):
        assert repr(Binder().value(written, (), container(one | two))()) == repr(kept)


def test_hints_that_differ_in_their_order_alone_are_two() -> None:
    built = [read_value(hint, "a")() for hint in (Path | str, str | Path, Act | str, str | Act)]
    assert built == [Path("a"), "a", Act.A, "a"]
