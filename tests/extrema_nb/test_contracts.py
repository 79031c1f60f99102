"""Ports: what they ask for is written down, and the public doubles keep to it."""

from __future__ import annotations

import inspect

import pytest

from extrema_nb import contracts
from extrema_nb.testing import ListSink, MemorySource

PORTS = [
    item
    for _, item in inspect.getmembers(contracts, inspect.isclass)
    if item.__module__ == contracts.__name__
]


def operations(port):
    return {
        name: item
        for name, item in vars(port).items()
        if inspect.isfunction(item) and name[0] != "_"
    }


@pytest.mark.parametrize("port", PORTS)
def test_a_port_and_each_of_its_operations_say_what_is_promised(port):
    assert port.__doc__
    for name, operation in operations(port).items():
        assert operation.__doc__, name


@pytest.mark.parametrize(
    ("double", "port"), [(MemorySource, contracts.Source), (ListSink, contracts.Sink)]
)
def test_a_double_has_the_operations_of_its_port(double, port):
    for name, wanted in operations(port).items():
        offered = inspect.signature(getattr(double, name)).parameters
        assert list(offered) == list(inspect.signature(wanted).parameters), name
