# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print how Istio's releases differ from what this collection knows of them: upstream.py CHECKOUT [TAG...].

CHECKOUT is a checkout of istio/istio, which may be bare. Without tags, each release is compared that this collection
supports. The exit code is 1 if something differs, and 2 if a release cannot be compared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, OLDEST
from ansible_collections.nodeprep.istio.tests.upstream.checkout import (
    Checkout,
    Tag,
    UpstreamError,
    parse_version,
)
from ansible_collections.nodeprep.istio.tests.upstream.compare import compare_mesh, compare_releases
from ansible_collections.nodeprep.istio.tests.upstream.differences import Differences
from ansible_collections.nodeprep.istio.tests.upstream.meshes import read_meshes
from ansible_collections.nodeprep.istio.tests.upstream.properties import compare_properties

SAME, DIFFERENT, IMPOSSIBLE = 0, 1, 2
# Golden files or meshes that a line names.
MAX_PLACES = 3


def select_tags(known: list[Tag], requested: Iterable[str]) -> list[Tag]:
    """Return the tags to compare, the oldest first. Raises UpstreamError for a tag that is not known or too old.

    If none is requested, these are all releases since OLDEST, and the newest tag of a minor release that is not out.
    """
    names = set(requested)
    unknown = sorted(names - {tag.name for tag in known})
    if unknown:
        raise UpstreamError(f"{unknown[0]}: no such tag of a release in the checkout; run git fetch --tags in it")
    supported = [tag for tag in known if tag.version >= parse_version(OLDEST)]
    old = sorted(names - {tag.name for tag in supported})
    if old:
        raise UpstreamError(f"{old[0]}: older than {OLDEST}; compare {OLDEST} or a newer release")
    if names:
        return [tag for tag in supported if tag.name in names]
    newest_of = {tag.minor: tag for tag in supported}
    return [tag for tag in supported if tag.is_final or tag == newest_of[tag.minor]]


def compare_release(checkout: Checkout, tag: Tag) -> Differences:
    """Return how a release differs from what is known of it. Raises UpstreamError if its rules cannot be read."""
    differences = Differences()
    for mesh in read_meshes(checkout, tag, differences):
        compare_mesh(tag, mesh, differences)
    compare_properties(checkout, tag, differences)
    return differences


def list_lines(compared: list[Tag], found: dict[str, Differences]) -> list[str]:
    """Return a line for each difference, with the releases that have it."""
    lines: dict[str, list[int]] = {}
    for number, tag in enumerate(compared):
        for text, places in found.get(tag.name, Differences()).places.items():
            lines.setdefault(text + _list_places(places), []).append(number)
    return [f"{_write_ranges(compared, numbers)}: {text}" for text, numbers in lines.items()]


def _list_places(places: list[str]) -> str:
    shown = "; ".join(places[:MAX_PLACES]) + ("; ..." if len(places) > MAX_PLACES else "")
    return f" ({shown})" if places else ""


def _write_ranges(compared: list[Tag], numbers: list[int]) -> str:
    """Return the tags at these positions; those that follow each other as one range."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    names = []
    for run in ranges:
        first, last = compared[run[0]].name, compared[run[-1]].name
        names.append(first if first == last else f"{first} to {last}")
    return ", ".join(names)


def compare(path: Path, requested: list[str]) -> int:
    """Print what differs, and return the exit code. Raises UpstreamError if there is nothing to compare."""
    checkout = Checkout(path)
    known = checkout.list_tags()
    tags = select_tags(known, requested)
    if not tags:
        raise UpstreamError(f"{path}: no tag of Istio {OLDEST} or newer; run git fetch --tags in the checkout")
    found: dict[str, Differences] = {}
    errors = []
    for tag in tags:
        try:
            found[tag.name] = compare_release(checkout, tag)
        except UpstreamError as exc:
            errors.append(str(exc))
    lines = compare_releases(tags) + list_lines(tags, found)
    print(*lines, f"{len(found)} releases compared, {len(lines)} differences", sep="\n")
    notes = [] if NEWEST in {tag.minor for tag in known} else [f"note: the checkout has no tag of Istio {NEWEST}"]
    for line in errors + notes:
        print(line, file=sys.stderr)
    if errors:
        return IMPOSSIBLE
    return DIFFERENT if lines else SAME


def main() -> int:
    """Parse the command line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="upstream.py", description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="a checkout of istio/istio, which may be bare")
    parser.add_argument("tags", nargs="*", help="tags of releases, for example 1.31.0")
    arguments = parser.parse_args()
    try:
        return compare(arguments.checkout, arguments.tags)
    except UpstreamError as exc:
        print(exc, file=sys.stderr)
        return IMPOSSIBLE


if __name__ == "__main__":
    sys.exit(main())
