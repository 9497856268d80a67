"""What a first study file searches inside settings, and how it asks for those without a default."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import partial
from pathlib import Path
from typing import Any, Literal, Optional

import attrs
import pytest
import pytorch_lightning as pl
import torch
from pydantic import BaseModel
from pytorch_lightning.cli import OptimizerCallable

from hpsearch.errors import InputError
from hpsearch.measure.draft.data_attributes import offered
from hpsearch.measure.draft.searchable import searchable
from hpsearch.studyfile.document import name_of

STEPS = partial(torch.optim.SGD, lr=0.1)
SECTIONS = {"model": f"{__name__}.Called", "optimizer": "torch.optim.SGD"}
Pool = Enum("Pool", "MEAN MAX", module=__name__)
Size = IntEnum("Size", "S L", module=__name__)


@dataclass
class Net:
    """Settings of a network."""

    hidden_sizes: list[int] = field(default_factory=lambda: [8, 4])
    pool: Pool = Pool.MEAN
    size: Size = Size.S
    norm: Optional[Literal["batch", "layer"]] = None  # noqa: UP045  (as people write it)


@dataclass
class Batches:
    """Settings that a study file cannot hold as a whole."""

    batch_size: int = 8
    accumulated: dict[int, int] = field(default_factory=lambda: {0: 1})


@dataclass
class Opaque:
    """Settings that a study file cannot hold at all."""

    table: dict[int, int] = field(default_factory=lambda: {0: 1})


@dataclass
class Reads:
    """Settings of the data."""

    loader: Batches = field(default_factory=Batches)


@dataclass
class Settings:
    """Settings of a network and its training."""

    net: Net = field(default_factory=Net)
    lr: float = 0.01
    names: tuple[str, ...] = ()


class Checked(BaseModel):
    """Settings that check themselves."""

    lr: float = 0.01
    pool: Pool = Pool.MAX


@attrs.define
class Rates:
    """Settings of attrs, one of them private."""

    lr: float = 0.01
    _width: int = 8
    milestones: list[int] = attrs.Factory(lambda: [5, 10])


class Timed(pl.LightningModule):
    """Takes them, or is made from data."""

    def __init__(self, rates: Rates, hidden: int = 8, kinds: int = 2) -> None:
        super().__init__()

    @classmethod
    def from_rows(cls, row_size: int, **kwargs: Any) -> Timed:
        """Makes one; what else its class takes may be given."""
        return cls(**{"rates": Rates(), "kinds": row_size, **kwargs})


class Nested(pl.LightningModule):
    """Takes settings with a default."""

    def __init__(self, cfg: Settings = Settings(), pool: Pool = Pool.MAX) -> None:  # noqa: B008
        super().__init__()


class Given(pl.LightningModule):
    """Takes settings without one."""

    def __init__(self, cfg: Checked) -> None:
        super().__init__()


class Made(pl.LightningModule):
    """Takes its optimizer, with a default."""

    def __init__(self, optimizer: Any = STEPS) -> None:
        super().__init__()


class Called(pl.LightningModule):
    """Takes its optimizer and calls it, as in many libraries; `owner` it may call in any way."""

    def __init__(
        self,
        optimizer: OptimizerCallable = torch.optim.SGD,
        owner: type[torch.optim.Optimizer] = torch.optim.SGD,
        lr: float = 0.1,
    ) -> None:
        super().__init__()


class Rows(pl.LightningDataModule):
    """Knows the size of its rows once it has read them."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {"rows": 8}  # settings of its own

    def setup(self, stage: str) -> None:
        self.row_size = self.num_kinds = 4


class Net2(torch.nn.Module):
    """Needs the size of the rows."""

    def __init__(
        self, row_size: int, n_kinds: int, hidden_layers: list[int], blocks: list[int]
    ) -> None:
        super().__init__()


class Holding(pl.LightningModule):
    """Takes a network."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()


class Reading(pl.LightningModule):
    """Takes settings that only its code knows."""

    def __init__(self, hparams: argparse.Namespace, config: Any, tokenizer: Any) -> None:
        super().__init__()
        self.save_hyperparameters(hparams)
        self.sizes = [hparams.hidden, config["net"]["depth"], len(tokenizer.words)]
        self.shuffles = getattr(hparams, "shuffle")  # noqa: B009

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, **self.hparams.get("more"))


class Saving(pl.LightningModule):
    """Reads its settings from what Lightning saved of them."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.save_hyperparameters(config)
        self.lr = self.hparams.lr


class Defaulting(pl.LightningModule):
    """Reads settings for which its code has defaults, of which one is no value of a file."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.depth, self.lr = config["depth"], config.get("lr", 1e-3)
        self.kinds = config.pop("kind", "adam"), config.get("seed"), config.get("size", len(config))


class Rest(pl.LightningModule):
    """Reads its arguments from `**params`, one of them only if it is there."""

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.step, self.rate, self.cut = params["step"], params["lr"], params.get("cut", 3)
        if "more" in params:
            self.more = params["more"]
        params["least"] = 1


class RestOfBase(Rest):
    """Passes on what its base reads."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = kwargs["size"]


class RestSaved(pl.LightningModule):
    """Saves what it is given, and reads it again, two of them only if they are there."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.hparams.low = 1
        self.sizes = [self.hparams.size, self.hparams["step"], self.hparams.get("cut")]
        self.more = self.hparams.more if "more" in self.hparams else self.hparams.lr
        self.most = self.hparams.most if hasattr(self.hparams, "most") else None


class Parsing(pl.LightningModule):
    """Has a command line, as older projects do, with more arguments than one class takes."""

    def __init__(self, args: Any, size: int, lr: float = 0.1) -> None:
        super().__init__()
        self.sizes = [args.hidden, args.folder, args.rows]

    @staticmethod
    def add_model_specific_args(parent_parser: argparse.ArgumentParser) -> Any:
        """Adds a required argument, one without a default, and others."""
        parser = argparse.ArgumentParser(parents=[parent_parser], add_help=False)
        parser.add_argument("--rows", required=True)
        parser.add_argument("--folder")
        group = parser.add_argument_group("net")
        group.add_argument("--hidden", type=int, default=8)
        group.add_argument("--size", type=int, default=4)
        group.add_argument("--lr", type=float, default=0.01)
        return parser


@dataclass
class Task:
    """Settings, one of which has no default."""

    kind: str
    dropout: float = 0.1


class Tasked(pl.LightningModule):
    """Takes them, and sizes that are no numbers."""

    def __init__(self, cfg: Task, embedding_sizes: dict[str, int] | None = None) -> None:
        super().__init__()


class Layered(pl.LightningModule):
    """Takes a list of widths, which its code does not know."""

    def __init__(self, hidden_sizes: list[int], depth: int) -> None:
        super().__init__()


class Sharing(pl.LightningModule):
    """Takes the settings of its data, too."""

    def __init__(self, data_cfg: Reads, opaque: Opaque) -> None:
        super().__init__()


class Loading(pl.LightningDataModule):
    """Takes settings whose class has defaults."""

    def __init__(self, data_cfg: Reads) -> None:
        super().__init__()


class Tokenized(pl.LightningModule):
    """Needs the size of the rows, but has a default that says nothing."""

    def __init__(self, row_size: int | None = None, norm: str | None = None) -> None:
        super().__init__()


class Table(torch.utils.data.Dataset[int]):
    """Rows of the data module, which no study file can write."""


class Fed(pl.LightningModule):
    """Needs its data themselves, or the module that has them."""

    def __init__(self, datamodule: Any, source: pl.LightningDataModule, hidden: int = 8) -> None:
        super().__init__()

    @classmethod
    def from_table(cls, table: Table, folder: Path, net: torch.nn.Module, **kwargs: Any) -> Fed:
        """Makes one; only what is not given does it add itself."""
        kwargs.setdefault("datamodule", None)
        kwargs.update({"source": None})
        return cls(**kwargs)


class Choosing(pl.LightningModule):
    """Makes some of the settings that it is not given; without others, does without."""

    def __init__(self, net: Net | None = None, rates: Rates | None = None) -> None:
        super().__init__()
        self.net = net or Net()


class Building(pl.LightningModule):
    """Makes its network itself."""

    def __init__(self, make: Callable[..., torch.nn.Module] = torch.nn.Linear) -> None:
        super().__init__()


def rows() -> pl.LightningDataModule:
    """Returns the rows, as a script that makes its data itself."""
    return Rows()


def of(owner: type, **given: Any) -> dict[str, Any]:
    """Returns what is searched in a class's arguments, by their names."""
    arguments, _ = searchable({"model": {"class_path": f"{__name__}.{owner.__name__}", **given}})
    return {".".join(map(str, each.path[2:])): (each.text, each.default) for each in arguments}


def test_dataclasses_are_searched_inside_one_another_and_so_are_their_enums() -> None:
    assert of(Nested) == {
        "cfg.net.hidden_sizes": (["~int(2, 32, log=True)", "~int(1, 16, log=True)"], [8, 4]),
        "cfg.net.pool": ("~choice(MEAN, MAX)", "MEAN"),
        "cfg.net.size": ("~choice(S, L)", "S"),
        "cfg.net.norm": ("~choice(batch, layer)", None),
        "cfg.lr": ("~float(0.001, 0.1, log=True)", 0.01),
        "pool": ("~choice(MEAN, MAX)", "MAX"),
    }


def test_the_defaults_of_a_pydantic_model_are_taken_though_the_argument_has_none() -> None:
    assert of(Given) == {
        "cfg.lr": ("~float(0.001, 0.1, log=True)", 0.01),
        "cfg.pool": ("~choice(MEAN, MAX)", "MAX"),
    }


def test_settings_that_are_null_have_the_defaults_of_those_that_the_code_makes() -> None:
    assert {*of(Choosing)} == {"net.hidden_sizes", "net.pool", "net.size", "net.norm"}


def test_the_defaults_of_an_attrs_class_are_taken() -> None:
    assert of(Timed) == {
        "rates.lr": ("~float(0.001, 0.1, log=True)", 0.01),
        "rates.width": ("~int(2, 32, log=True)", 8),
        "hidden": ("~int(2, 32, log=True)", 8),
    }


def test_a_class_method_passes_on_what_its_class_takes() -> None:
    section = {"class_path": f"{__name__}.Timed.from_rows"}
    arguments, idle = searchable({"model": section, "data": {"class_path": f"{__name__}.Rows"}})
    assert section["from_data"] == {"row_size": "row_size"}
    assert [each.path[-1] for each in arguments] == ["hidden"]
    assert idle == {"model": {"kinds": 2}}


def test_a_module_that_takes_its_data_module_gets_it() -> None:
    model = {"class_path": f"{__name__}.Fed"}
    arguments, _ = searchable({"model": model, "data": {"class_path": f"{__name__}.Rows"}})
    assert model["from_data"] == {"datamodule": "self", "source": "self"}
    assert [each.path[-1] for each in arguments] == ["hidden"]


def test_what_a_class_method_adds_itself_is_not_asked_for_and_objects_come_from_the_data() -> None:
    model = {"class_path": f"{__name__}.Fed.from_table"}
    words = (
        "give them: --set model.from_data.table=ATTRIBUTE --set model.folder=VALUE"
        " --set model.net=VALUE; ATTRIBUTE is one of the data module's: config, row_size, num_kinds"
    )
    with pytest.raises(InputError, match=f"{re.escape(words)}$"):
        searchable({"model": model, "data": {"class_path": f"{__name__}.Rows"}})


def test_an_optimizer_that_is_a_default_is_searched() -> None:
    assert of(Made) == {"optimizer.init_args.lr": ("~float(0.01, 1, log=True)", 0.1)}


def test_an_optimizer_class_is_searched_where_the_module_only_calls_it() -> None:
    assert of(Called) == {
        "optimizer.init_args.lr": ("~float(0.0001, 0.01, log=True)", 0.001),
        "lr": ("~float(0.01, 1, log=True)", 0.1),
    }


def test_a_learning_rate_of_the_module_is_not_searched_beside_an_optimizer_section() -> None:
    tree = {name: {"class_path": path} for name, path in SECTIONS.items()}
    arguments, _ = searchable(tree)
    assert [each.path for each in arguments if each.path[-1] == "lr"] == [
        ("model", "init_args", "optimizer", "init_args", "lr"),
        ("optimizer", "init_args", "lr"),
    ]


@pytest.mark.parametrize("data", ["Rows", "rows"])
def test_a_network_gets_from_the_data_what_it_needs_and_its_layers_are_widths(data: str) -> None:
    inner = {"class_path": f"{__name__}.Net2", "init_args": {"hidden_layers": [8], "blocks": [2]}}
    model = {"class_path": f"{__name__}.Holding", "init_args": {"net": inner}}
    tree: dict[str, Any] = {"model": model, "data": {"class_path": f"{__name__}.{data}"}}
    arguments, _ = searchable(tree)
    assert tree["model"]["init_args"]["net"]["from_data"] == {
        "row_size": "row_size",
        "n_kinds": "num_kinds",
    }
    assert [each.text for each in arguments] == [["~int(2, 32, log=True)"], ["~int(1, 4)"]]


def test_settings_that_model_and_data_share_have_one_value_wherever_they_are() -> None:
    sections = {"model": "Sharing", "data": "Loading"}
    tree: dict[str, Any] = {
        name: {"class_path": f"{__name__}.{path}"} for name, path in sections.items()
    }
    arguments, _ = searchable(tree)
    assert [(name_of(each.path), each.text) for each in arguments] == [
        ("model.data_cfg.loader.batch_size", "~ref(data.data_cfg.loader.batch_size)"),
        ("data.data_cfg.loader.batch_size", "~choice(4, 8, 16)"),
    ]
    assert tree["model"]["init_args"] == {"data_cfg": {"loader": {"batch_size": 8}}, "opaque": {}}


def test_what_stays_null_is_offered_if_the_data_have_it() -> None:
    sections = {"model": "Tokenized", "data": "rows"}
    tree = {name: {"class_path": f"{__name__}.{path}"} for name, path in sections.items()}
    assert offered(tree, searchable(tree)[1]) == ["row_size"]


def test_what_a_partial_calls_needs_no_arguments_yet() -> None:
    make = {"class_path": "functools.partial", "init_args": {"func": "torch.nn.Bilinear"}}
    section = {"class_path": f"{__name__}.Building", "init_args": {"make": make}}
    assert searchable({"model": section}) == ([], {})
    assert section["init_args"] == {"make": make}


def test_the_settings_of_the_data_are_not_those_of_the_model() -> None:
    tree = {"model": {"class_path": f"{__name__}.Reading", "init_args": {"hparams": {}}}}
    with pytest.raises(InputError, match=r"model\.config="):
        searchable(tree | {"data": {"class_path": f"{__name__}.Rows"}})


def test_what_is_given_for_settings_is_searched_except_what_is_given_by_its_own_name() -> None:
    given = {"hparams": {"lr": 0.1, "hidden": 8}, "config": {}, "tokenizer": ""}
    section = {"class_path": f"{__name__}.Reading", "init_args": given}
    names = ["model.hparams", "model.hparams.hidden"]
    arguments, _ = searchable({"model": section}, names)
    assert [each.path[2:] for each in arguments] == [("hparams", "lr")]


def test_settings_that_are_given_in_part_have_the_defaults_of_the_rest() -> None:
    assert of(Tasked, init_args={"cfg": {"kind": "a"}}) == {
        "cfg.dropout": ("~float(0.0, 0.5)", 0.1)
    }


def test_a_list_without_a_default_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"give them: --set model.hidden_sizes=VALUE$"):
        of(Layered)


def test_what_the_code_reads_from_saved_hyperparameters_is_asked_for() -> None:
    with pytest.raises(InputError, match=r'"model.config={lr: VALUE}"'):
        of(Saving)


def test_settings_without_a_default_are_asked_for_by_the_names_that_the_code_reads() -> None:
    with pytest.raises(InputError) as caught:
        of(Reading)
    assert str(caught.value) == (
        "some arguments have no default; give them:"
        ' --set "model.hparams={hidden: VALUE, lr: VALUE, shuffle: VALUE}"'
        ' --set "model.config={net: {depth: VALUE}}" --set model.tokenizer=VALUE'
    )


def test_settings_that_the_code_reads_with_a_default_are_asked_for_with_it() -> None:
    asked = '"model.config={depth: VALUE, lr: 1e-3, kind: adam}"'
    with pytest.raises(InputError) as caught:
        of(Defaulting)
    assert str(caught.value).endswith(asked)


def test_what_is_read_from_kwargs_is_an_argument() -> None:
    with pytest.raises(InputError, match=r"--set model\.size=VALUE --set model\.step=VALUE$"):
        of(RestOfBase)
    given = {"init_args": {"step": 3, "size": 4}}
    assert of(RestOfBase, **given)["lr"] == ("~float(0.0001, 0.01, log=True)", None)


def test_what_is_read_from_saved_kwargs_is_an_argument() -> None:
    with pytest.raises(InputError, match=r": --set model\.size=VALUE --set model\.step=VALUE$"):
        of(RestSaved)


def test_the_defaults_of_a_command_line_are_taken_where_the_class_has_none() -> None:
    given: dict[str, Any] = {"args": {"folder": "here", "rows": 3}}
    tree = {"model": {"class_path": f"{__name__}.Parsing", "init_args": given}}
    arguments, _ = searchable(tree)
    found = {".".join(map(str, each.path[2:])): (each.text, each.default) for each in arguments}
    assert found == {
        "args.hidden": ("~int(2, 32, log=True)", 8),
        "args.lr": ("~float(0.001, 0.1, log=True)", 0.01),
        "lr": ("~float(0.01, 1, log=True)", 0.1),
    }
    assert tree["model"]["init_args"]["size"] == 4


def test_what_the_command_line_has_no_default_for_is_asked_for() -> None:
    asked = '--set "model.args={folder: VALUE, rows: VALUE}"'
    with pytest.raises(InputError) as caught:
        of(Parsing)
    assert str(caught.value) == f"some arguments have no default; give them: {asked}"
