"""jsonargparse's private names that hpsearch uses, and whether this release still has them."""

from __future__ import annotations

from pathlib import Path

from private_names import Private, private_names

import hpsearch.internals as internals


class Base:
    def __init__(self, width: int = 3) -> None: ...


class Derived(Base):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__(**kwargs)


def names_it_finds() -> bool:
    from jsonargparse._parameter_resolvers import get_signature_parameters

    found = {p.name: (p.annotation, p.default) for p in get_signature_parameters(Derived, None)}
    return set(found) == {"depth", "width"} and found["width"] == (int, 3)


RESOLVER = Private("get_signature_parameters", "to find the arguments of a class", names_it_finds)


def test_the_resolver_follows_keyword_arguments_to_the_base_class() -> None:
    RESOLVER.check("jsonargparse", "jsonargparse.py")


def test_every_private_name_is_listed() -> None:
    file = Path(internals.__file__).with_name("jsonargparse.py")
    assert private_names(file.read_text(encoding="utf-8")) == {RESOLVER.name}
