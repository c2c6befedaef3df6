# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build dataclasses from mappings, with the values checked, and turn them back into plain values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

MAX_SHOWN_CHARS = 100


class StructureError(ValueError):
    """A value does not have the structure of its type: ``path`` leads to it, ``problem`` says what is wrong there."""

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"'{'.'.join(self.path)}' {self.problem}" if self.path else self.problem

    def within(self, name: object) -> StructureError:
        """Return the same error as seen from one level above."""
        return StructureError(self.problem, (str(name), *self.path))


_Reader = Callable[[Any], Any]
_SCALARS: dict[Any, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def from_mapping(kind: type[T], value: Any) -> T:
    """Return the dataclass ``kind`` built from a mapping, with the values checked against its type hints.

    Fields may be str, bool, int, float, Literal, Any, ``tuple[X, ...]`` (from a list), ``tuple[X, Y]``,
    ``Mapping[str, X]``, other dataclasses, and each of them or None. A missing key takes the field's default; other
    keys are ignored. A value that already is an instance of the dataclass is kept. Subclasses of str and dict become
    plain ones: ansible-core 2.19 and newer tag the values of templates and modules.

    Raises StructureError if a value does not fit. An error from __post_init__ passes through; if it is a
    StructureError, with its path.
    """
    hint: Any = kind
    record: T = _reader(hint)(value)
    return record


def prepare_reading(kind: Any) -> None:
    """Build now what from_mapping needs for this dataclass, so that a process that is forked later has it, too."""
    _reader(kind)


@cache
def _reader(hint: Any) -> _Reader:
    """Return the function that checks and converts a value of this type."""
    if hint is Any:
        return lambda value: value
    if is_dataclass(hint):
        return _dataclass_reader(hint)
    if hint in _SCALARS:
        return _scalar_reader(hint)
    return _generic_reader(hint)


def _generic_reader(hint: Any) -> _Reader:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal_reader(arguments)
    if origin in (Union, UnionType):
        (some,) = (argument for argument in arguments if argument is not NoneType)
        return _optional_reader(_reader(some))
    if origin is tuple and arguments[-1] is Ellipsis:
        return _list_reader(_reader(arguments[0]))
    if origin is tuple:
        return _fixed_list_reader([_reader(argument) for argument in arguments])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    raise TypeError(f"from_mapping cannot read {hint}")


def _is_not(value: Any, expected: str) -> StructureError:
    return StructureError(f"is {str(value)[:MAX_SHOWN_CHARS]!r}, not {expected}")


def _scalar_reader(kind: Any) -> _Reader:
    accepted = (float, int) if kind is float else kind

    def read(value: Any) -> Any:
        if value.__class__ is kind:
            return value
        # In Python, True and False are whole numbers, too.
        if isinstance(value, accepted) and not isinstance(value, bool):
            return kind(value)
        raise _is_not(value, _SCALARS[kind])

    return read


def _literal_reader(choices: tuple[Any, ...]) -> _Reader:
    # True == 1, but neither is accepted for the other.
    by_value = {(isinstance(choice, bool), choice): choice for choice in choices}
    expected = f"one of {', '.join(str(choice) or 'empty' for choice in choices)}"

    def read(value: Any) -> Any:
        if isinstance(value, (str, int)):
            key = (isinstance(value, bool), value)
            if key in by_value:
                return by_value[key]
        raise _is_not(value, expected)

    return read


def _optional_reader(read_some: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        return None if value is None else read_some(value)

    return read


def _list_reader(read_item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _is_not(value, "a list")
        items = []
        for index, item in enumerate(value):
            try:
                items.append(read_item(item))
            except StructureError as error:
                raise error.within(index) from None
        return tuple(items)

    return read


def _fixed_list_reader(readers: list[_Reader]) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(readers):
            raise _is_not(value, f"a list of {len(readers)}")
        items = []
        for index, (read_item, item) in enumerate(zip(readers, value, strict=True)):
            try:
                items.append(read_item(item))
            except StructureError as error:
                raise error.within(index) from None
        return tuple(items)

    return read


def _mapping_reader(read_item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _is_not(value, "a mapping")
        items = {}
        for key, item in value.items():
            try:
                items[str(key)] = read_item(item)
            except StructureError as error:
                raise error.within(key) from None
        return items

    return read


def _dataclass_reader(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers = [(name, _reader(hints[name])) for name in list_field_names(kind)]
    required = [field.name for field in fields(kind) if _is_required(field)]

    def read(value: Any) -> Any:
        if value.__class__ is kind:
            return value
        if not isinstance(value, Mapping):
            raise _is_not(value, "a mapping")
        values = {}
        for name, read_field in readers:
            if name in value:
                try:
                    values[name] = read_field(value[name])
                except StructureError as error:
                    raise error.within(name) from None
        for name in required:
            if name not in values:
                raise StructureError("is missing", (name,))
        return kind(**values)

    return read


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def list_field_names(kind: type[object]) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass."""
    hint: Any = kind
    return _field_names(hint)


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def to_plain(value: Any) -> Any:
    """Return dataclasses as dicts and tuples as lists, as JSON and Ansible have them; the reverse of from_mapping."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for field in fields(value):
            plain[field.name] = to_plain(getattr(value, field.name))
        return plain
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value
