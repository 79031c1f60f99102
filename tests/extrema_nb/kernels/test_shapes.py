"""Tables of a venue as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import EventKind, Flag
from extrema_nb.kernels.shapes import (
    AFTER_AT,
    AFTER_END,
    FLAGS,
    Channel,
    End,
    Key,
    Node,
    Op,
    Shapes,
    layout,
)

INNER = Node((Key("p", Op.PRICE, 0), Key("x"), Key("t", Op.TEXT, 7, choices=(("a", 1), ("b", 2)))),
             End.ROW)  # fmt: skip
SHAPES = Shapes(
    "somewhere",
    Node((Key("ch", Op.CHANNEL), Key("arg", Op.OBJECT, node=Node((Key("s", Op.SYMBOL),))),
          Key("data", Op.DATA))),
    (Channel("trade", EventKind.TRADE, 3, INNER, after=("", "@"), words=((FLAGS, 129), (1, 2.5))),),
)  # fmt: skip


def text_of(tables, row):
    return tables.texts[row["text"] : row["text"] + row["length"]].tobytes().decode()


def test_every_key_is_found_by_its_node():
    tables = layout(SHAPES)
    names = [
        [
            text_of(tables, tables.keys[k])
            for k in range(node["first"], node["first"] + node["count"])
        ]
        for node in tables.nodes
    ]
    assert names == [['ch":', 'arg":', 'data":'], ['s":'], ['p":', 'x":', 't":']]
    assert tables.keys["node"][tables.nodes["first"][0] + 1] == 1
    assert tables.channels["node"].tolist() == [2]


def test_only_keys_that_are_read_are_required():
    tables = layout(SHAPES)
    assert tables.nodes["required"].tolist() == [0b111, 1, 0b101]


def test_choices_and_channels_keep_their_words():
    tables = layout(SHAPES)
    assert [(text_of(tables, c), int(c["value"])) for c in tables.choices] == [('a"', 1), ('b"', 2)]
    assert tables.channels["after"].tolist() == [AFTER_END | AFTER_AT]
    words = tables.channel_words[0]
    assert words[FLAGS] == 129
    assert np.isnan(words.view(np.float64)[0])
    assert words.view(np.float64)[1] == 2.5
    assert words[2:5].tolist() == [-1, -1, -1]
    assert layout(SHAPES._replace(channels=(SHAPES.channels[0]._replace(words=()),))).channel_words[
        0, FLAGS
    ] == Flag.LAST  # fmt: skip


@pytest.mark.parametrize("name", ["a}b", "é", 'a"b'])
def test_a_key_that_cannot_be_matched_is_refused(name):
    with pytest.raises(ValueError, match="text"):
        layout(SHAPES._replace(frame=Node((Key(name), Key("ch", Op.CHANNEL)))))
