"""A pytest plugin: the fixture ``dohle_broker`` is a broker of its own for each test, in a temporary folder.

>>> def test_clicks(dohle_broker):
...     dohle_broker.topic("clicks").send("hi").result()
...     assert dohle_broker.topic("clicks").read()[0].text() == "hi"
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .connection import Broker


@pytest.fixture
def dohle_broker() -> Iterator[Broker]:
    """A broker in this process that listens on a free port (``dohle_broker.address``); its data goes with it."""
    with Broker(listen=True) as broker:
        yield broker


__all__ = ["dohle_broker"]
