"""Database servers that the tests of this folder share: each is started when it is first needed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from servers import Servers, serve_on_demand

_numbers = count(1)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with serve_on_demand() as servers:
        yield servers


@pytest.fixture
def url(request: pytest.FixtureRequest, servers: Servers) -> str:
    """An empty database on a server of the kind that the test names."""
    return servers(request.param).make_database(f"test{next(_numbers)}")
