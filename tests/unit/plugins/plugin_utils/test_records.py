# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataclasses from mappings, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import (
    StructureError,
    from_mapping,
    list_field_names,
    to_plain,
)


@dataclass(frozen=True)
class Wheel:
    size: int
    spokes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bicycle:
    name: str
    kind: Literal["road", "city"] = "city"
    front: Wheel | None = None
    spare: Mapping[str, Wheel] = field(default_factory=dict)
    has_bell: bool = False
    price: float = 0.0
    range_km: tuple[int, int] = (0, 0)
    note: Any = None

    def __post_init__(self) -> None:
        if self.name == "":
            raise StructureError("is empty", ("name",))


class TaggedText(str):
    """Text as ansible-core 2.19 and newer tag it."""


def test_a_mapping_becomes_a_dataclass():
    value = {
        "name": "b",
        "kind": "road",
        "front": {"size": 28, "spokes": ["x", "y"]},
        "spare": {"rear": {"size": 28}},
        "has_bell": True,
        "price": 5,
        "range_km": [1, 2],
        "note": {"any": "thing"},
        "unknown": "is ignored",
    }
    bicycle = from_mapping(Bicycle, value)
    assert bicycle == Bicycle(
        "b", "road", Wheel(28, ("x", "y")), {"rear": Wheel(28)}, True, 5.0, (1, 2), {"any": "thing"}
    )
    assert isinstance(bicycle.price, float)


def test_missing_keys_take_the_defaults():
    assert from_mapping(Bicycle, {"name": "b", "front": None}) == Bicycle("b")


def test_tagged_text_becomes_plain_text():
    bicycle = from_mapping(
        Bicycle,
        {TaggedText("name"): TaggedText("b"), "kind": TaggedText("road"), "spare": {TaggedText("rear"): {"size": 1}}},
    )
    assert bicycle.name.__class__ is str
    assert bicycle.kind.__class__ is str
    assert [key.__class__ for key in bicycle.spare] == [str]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"name": 5}, "'name' is '5', not text"),
        ({"name": None}, "'name' is 'None', not text"),
        ({"name": ""}, "'name' is empty"),
        ({"kind": "boat"}, "'kind' is 'boat', not one of road, city"),
        ({"kind": ["road"]}, "'kind' is \"['road']\", not one of road, city"),
        ({"front": []}, "'front' is '[]', not a mapping"),
        ({"front": {}}, "'front.size' is missing"),
        ({"front": {"size": True}}, "'front.size' is 'True', not a whole number"),
        ({"front": {"size": 1.5}}, "'front.size' is '1.5', not a whole number"),
        ({"front": {"size": 1, "spokes": "xy"}}, "'front.spokes' is 'xy', not a list"),
        ({"front": {"size": 1, "spokes": ["x", 2]}}, "'front.spokes.1' is '2', not text"),
        ({"spare": {"rear": {"size": "1"}}}, "'spare.rear.size' is '1', not a whole number"),
        ({"spare": ["rear"]}, "'spare' is \"['rear']\", not a mapping"),
        ({"has_bell": 1}, "'has_bell' is '1', not true or false"),
        ({"price": "much"}, "'price' is 'much', not a number"),
        ({"price": True}, "'price' is 'True', not a number"),
        ({"range_km": [1]}, "'range_km' is '[1]', not a list of 2"),
        ({"range_km": [1, "2"]}, "'range_km.1' is '2', not a whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_with_its_path(change, message):
    with pytest.raises(StructureError) as raised:
        from_mapping(Bicycle, {"name": "b", **change})
    assert str(raised.value) == message


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_only_a_mapping_becomes_a_dataclass(value):
    with pytest.raises(StructureError, match="not a mapping"):
        from_mapping(Bicycle, value)


def test_a_missing_required_key_is_an_error():
    with pytest.raises(StructureError, match=r"^'name' is missing$"):
        from_mapping(Bicycle, {})


@dataclass(frozen=True)
class Switch:
    number: Literal[1, 2]
    flag: Literal[True] = True


def test_neither_true_nor_one_stands_for_the_other():
    assert from_mapping(Switch, {"number": 1}) == Switch(1)
    for change in ({"number": True}, {"number": 1, "flag": 1}):
        with pytest.raises(StructureError, match="not one of"):
            from_mapping(Switch, change)


def test_long_values_are_cut_in_errors():
    with pytest.raises(StructureError) as raised:
        from_mapping(Bicycle, {"name": ["x" * 1000]})
    assert len(str(raised.value)) < 150


def test_a_value_that_already_is_the_dataclass_is_kept():
    wheel = Wheel(28, ("x",))
    assert from_mapping(Wheel, wheel) is wheel
    assert from_mapping(Bicycle, {"name": "b", "front": wheel}).front is wheel


def test_an_instance_of_another_dataclass_is_an_error():
    with pytest.raises(StructureError, match=r"^'front' is .*, not a mapping$"):
        from_mapping(Bicycle, {"name": "b", "front": Switch(1)})


def test_the_field_names_of_a_dataclass_are_listed_in_their_order():
    assert list_field_names(Wheel) == ("size", "spokes")
    assert list_field_names(Switch) == ("number", "flag")


def test_plain_values_are_dicts_and_lists():
    bicycle = Bicycle("b", front=Wheel(28, ("x",)), spare={"rear": Wheel(28)}, range_km=(1, 2))
    plain = to_plain(bicycle)
    assert plain == {
        "name": "b",
        "kind": "city",
        "front": {"size": 28, "spokes": ["x"]},
        "spare": {"rear": {"size": 28, "spokes": []}},
        "has_bell": False,
        "price": 0.0,
        "range_km": [1, 2],
        "note": None,
    }
    assert from_mapping(Bicycle, plain) == bicycle
