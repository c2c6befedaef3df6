# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own checks: JMESPath expressions over the node's facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


@dataclass(frozen=True)
class ExtraCheck:
    """One check: ``query`` must be true of the facts, else ``message`` says what is wrong."""

    id: str
    query: str
    message: str
    level: Literal["must", "should"] = "must"

    def outcome(self, facts: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Return (whether it holds, reason); None where the expression cannot be worked out on these facts."""
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            # Ansible's tagged strings are no str to jmespath; JSON makes plain ones of them.
            result = jmespath.search(self.query, json.loads(json.dumps(facts)))
        except (JMESPathError, TypeError, ValueError) as exc:
            # jmespath lets the last two through where types do not fit, as in contains('text', `6`).
            return None, f"{self.message} (cannot be told: {_one_line(exc)})"
        return (
            (True, "")
            if result is True
            else (False, f"{self.message} ('{self.query}' gives {json.dumps(result)[:80]})")
        )


def from_option(value: Any) -> tuple[ExtraCheck, ...]:
    """Return the checks of option extra_checks. Raises InvalidInput that names the check and what is wrong with it."""
    if not isinstance(value, (list, tuple)):
        raise InvalidInput(f"extra_checks: {value!r} is not a list of checks, each with id, query and message")
    checks = tuple(_check(number, item) for number, item in enumerate(value, 1))
    for number, check in enumerate(checks):
        if any(check.id == other.id for other in checks[:number]):
            raise InvalidInput(f"extra_checks: two checks have the id '{check.id}'")
    return checks


def _check(number: int, item: Any) -> ExtraCheck:
    if not isinstance(item, Mapping):
        raise InvalidInput(f"extra_checks: entry {number} is not a mapping of id, query, message and level")
    unknown = sorted(set(map(str, item)) - {"id", "query", "message", "level"})
    if unknown:
        raise InvalidInput(f"extra_checks: entry {number} has '{unknown[0]}'; a check has id, query, message and level")
    for key in ("id", "query", "message"):
        if not isinstance(item.get(key), str) or not item[key].strip():
            raise InvalidInput(f"extra_checks: entry {number} has no {key}")
    if not _ID.match(item["id"]):
        raise InvalidInput(f"extra_checks: entry {number}: the id may have letters, digits, '_', '.' and '-' only")
    level = item.get("level", "must")
    if level not in ("must", "should"):
        raise InvalidInput(f"extra_checks: '{item['id']}': level {level!r} is not one of must, should")
    # Imported where it is used, since ansible-test imports every plugin without what the collection requires.
    import jmespath
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    try:
        parsed = jmespath.compile(str(item["query"])).parsed
    except JMESPathError as exc:
        raise InvalidInput(
            f"extra_checks: '{item['id']}': the query is no JMESPath expression: {_one_line(exc)}"
        ) from exc
    for function, given in _calls(parsed):
        signature = Functions.FUNCTION_TABLE.get(function, {}).get("signature")
        if signature is None:
            raise InvalidInput(f"extra_checks: '{item['id']}': JMESPath has no function {function}()")
        variadic = bool(signature) and signature[-1].get("variadic", False)
        if given < len(signature) or (given > len(signature) and not variadic):
            raise InvalidInput(
                f"extra_checks: '{item['id']}': {function}() takes {len(signature)} arguments, not {given}"
            )
    return ExtraCheck(str(item["id"]), str(item["query"]), str(item["message"]).strip(), level)


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each function that a parsed expression calls, with the number of its arguments."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _calls(child)


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
