# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own checks: JMESPath expressions over the node's facts. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError

LEVELS = ("must", "should")
KEYS = ("id", "query", "message", "level")
REQUIRED_KEYS = ("id", "query", "message")
MAX_RESULT_CHARS = 80

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


@dataclass(frozen=True)
class ExtraCheck:
    """A check: if ``query`` is not true for the facts of a node, ``message`` says what is wrong."""

    id: str
    query: str
    message: str
    level: Literal["must", "should"] = "must"

    def evaluate(self, facts: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Return whether the check holds, and the reason if not. None means that the query fails on these facts."""
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            # jmespath does not accept Ansible's tagged strings; JSON turns them into plain ones.
            result = jmespath.search(self.query, json.loads(json.dumps(facts)))
        except (JMESPathError, TypeError, ValueError, RecursionError) as exc:
            # jmespath lets TypeError and ValueError pass if types do not match, as in contains('text', `6`).
            return None, f"{self.message} (cannot be determined: {_to_one_line(exc)})"
        if result is True:
            return True, ""
        return False, f"{self.message} ('{self.query}' returns {json.dumps(result)[:MAX_RESULT_CHARS]})"


def parse_checks(value: Any) -> tuple[ExtraCheck, ...]:
    """Return the checks of the option extra_checks. Raises InvalidInputError that names the check and the mistake."""
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError(f"extra_checks: {value!r} is not a list; give a list of mappings with {_list(KEYS)}")
    checks: dict[str, ExtraCheck] = {}
    for number, item in enumerate(value, 1):
        check = _parse_check(f"extra_checks: entry {number}", item)
        if check.id in checks:
            raise InvalidInputError(f"extra_checks: two checks have the id '{check.id}'; give each its own")
        checks[check.id] = check
    return tuple(checks.values())


def _parse_check(place: str, item: Any) -> ExtraCheck:
    if not isinstance(item, Mapping):
        raise InvalidInputError(f"{place} is not a mapping; give {_list(KEYS)}")
    for key in sorted(str(key) for key in item):
        if key not in KEYS:
            raise InvalidInputError(f"{place}: unknown key '{key}'; valid keys: {', '.join(KEYS)}")
    for key in REQUIRED_KEYS:
        if not isinstance(item.get(key), str) or not item[key].strip():
            raise InvalidInputError(f"{place}: {key} is missing; each check needs {_list(REQUIRED_KEYS)}")
    if not _ID.match(item["id"]):
        raise InvalidInputError(f"{place}: invalid id {str(item['id'])!r}; use letters, digits, '_', '.' and '-'")
    level = item.get("level", "must")
    if level not in LEVELS:
        raise InvalidInputError(
            f"extra_checks: '{item['id']}': unknown level {level!r}; valid levels: {', '.join(LEVELS)}"
        )
    try:
        _check_query(str(item["id"]), str(item["query"]))
    except RecursionError as exc:
        raise InvalidInputError(
            f"extra_checks: '{item['id']}': the query is nested too deeply; split it into several checks"
        ) from exc
    return ExtraCheck(str(item["id"]), str(item["query"]), str(item["message"]).strip(), level)


def _check_query(check_id: str, query: str) -> None:
    """Raise InvalidInputError for invalid syntax, an unknown function, or a wrong number of arguments."""
    # Imported here, since ansible-test imports every plugin without the collection's requirements.
    import jmespath
    from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError

    try:
        expression = jmespath.compile(query)
    except JMESPathError as exc:
        raise InvalidInputError(
            f"extra_checks: '{check_id}': the query is not a valid JMESPath expression: {_to_one_line(exc)}"
        ) from exc
    # jmespath finds these mistakes only when it calls the function, and a filter over an empty list calls none. So call
    # each function alone: it rejects the number of arguments before their types.
    for function, count in _find_calls(expression.parsed):
        try:
            jmespath.search(f"{function}({', '.join(['@'] * count)})", None)
        except (ArityError, UnknownFunctionError) as exc:
            raise InvalidInputError(f"extra_checks: '{check_id}': invalid query: {_to_one_line(exc)}") from exc
        except JMESPathError:
            continue


def _find_calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each function that a parsed expression calls, with the number of its arguments."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _find_calls(child)


def _list(keys: tuple[str, ...]) -> str:
    return f"{', '.join(keys[:-1])} and {keys[-1]}"


def _to_one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
