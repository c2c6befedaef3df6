# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the rules of Istio's golden files: the input of iptables-restore, and commands of iptables and of nft. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Family = Literal["ipv4", "ipv6"]

PROGRAMS: dict[str, Family] = {"iptables": "ipv4", "ip6tables": "ipv6"}
# The commands of Istio's test that only read rules.
_TRACES = ("iptables-save", "ip6tables-save")
_PORT_OPTIONS = ("--dport", "--sport", "--dports", "--sports", "--destination-port", "--source-port")
# Targets without an extension (iptables/xtables.c), besides the chains of the file itself.
_VERDICTS = ("ACCEPT", "DROP", "RETURN", "QUEUE")


class RuleError(Exception):
    """A line of a golden file that this tool cannot read."""


@dataclass(frozen=True)
class Match:
    """A match of a rule of iptables. ``has_options`` is whether it tests anything, such as a port."""

    name: str
    has_options: bool


@dataclass(frozen=True)
class IptablesRule:
    """A rule of iptables. ``target`` is None if the rule jumps to a chain or has a verdict."""

    family: Family
    table: str
    matches: tuple[Match, ...]
    target: str | None
    target_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class NftCommand:
    """A command of nft: the kind of the object, its family and table, and the words that follow."""

    kind: str
    family: str
    table: str
    words: tuple[str, ...]


def read_iptables(text: str) -> list[IptablesRule]:
    """Return the rules of a golden file of iptables. Raises RuleError for a line of another form."""
    lines = list(_list_iptables_lines(text))
    chains = {words[words.index("-N") + 1] for _family, _table, words in lines if "-N" in words}
    return [_read_rule(family, table, words, chains) for family, table, words in lines if "-N" not in words]


def _list_iptables_lines(text: str) -> Iterator[tuple[Family, str, list[str]]]:
    """Yield each line that changes a chain, with its IP family and table.

    Blocks of iptables-restore do not name the family. Istio writes all blocks of IPv4 first, so a table that comes a
    second time is that of IPv6.
    """
    table = ""
    seen: set[str] = set()
    family: Family = "ipv4"
    for line in text.splitlines():
        words = shlex.split(line)
        if not words or words[0] in _TRACES:
            continue
        if words[0] in PROGRAMS and words[1:2] == ["-t"]:
            yield PROGRAMS[words[0]], words[2], words[3:]
        elif words[0].startswith("*"):
            table = line.strip("* ")
            family = "ipv6" if table in seen else family
            seen.add(table)
        elif words == ["COMMIT"]:
            table = ""
        elif table and words[0] in ("-N", "-A", "-I"):
            yield family, table, words
        else:
            raise RuleError(f"cannot read the line {line!r}")


def _read_rule(family: Family, table: str, words: list[str], chains: set[str]) -> IptablesRule:
    matches: list[Match] = []
    protocol = ""
    target = None
    target_options: tuple[str, ...] = ()
    for word, argument in zip(words, [*words[1:], ""], strict=True):
        if word in ("-p", "--protocol"):
            protocol = argument
        elif word in ("-m", "--match"):
            matches.append(Match(argument, has_options=False))
        elif word in ("-j", "--jump", "-g", "--goto"):
            if argument not in _VERDICTS and argument not in chains:
                target = argument
            target_options = tuple(words[words.index(word) + 2 :])
            break
        elif word.startswith("--"):
            _add_option(matches, word, protocol)
    return IptablesRule(family, table, tuple(matches), target, target_options if target else ())


def _add_option(matches: list[Match], option: str, protocol: str) -> None:
    """Add an option to its match. A port needs the match of the protocol, which iptables adds if it is not there."""
    is_implied = option in _PORT_OPTIONS and not any(match.name in (protocol, "multiport") for match in matches)
    if is_implied or not matches:
        matches.append(Match(protocol, has_options=True))
    else:
        matches[-1] = Match(matches[-1].name, has_options=True)


def read_nft(text: str) -> list[NftCommand]:
    """Return the commands of a golden file of nft. Raises RuleError for a line of another form."""
    commands = []
    for line in text.splitlines():
        words = tuple(re.findall(r'"[^"]*"|[{};]|[^\s{};]+', line))
        if not words:
            continue
        if len(words) < 4 or words[0] not in ("add", "insert", "flush"):
            raise RuleError(f"cannot read the line {line!r}")
        if words[0] != "flush":
            commands.append(NftCommand(words[1], words[2], words[3], words[4:]))
    return commands
