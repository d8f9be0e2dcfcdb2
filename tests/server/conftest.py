from collections.abc import Iterator

import pytest

from .peers import Caller, Server, calling, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not kill it."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def caller(server: Server) -> Iterator[Caller]:
    with calling(server) as connected:
        yield connected
