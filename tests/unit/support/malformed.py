# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet whose nodes have text that is hostile to one format or another."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import KINDS, SELECTION, build, facts, outcome

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://example.com","x")',
    "@SUM(1+1)|cmd",
    "| a | [x](javascript:alert(1)) `code` **b** <b>",
    "]]>&amp;&#0;\ufffe\uffff\x00\x1b[31m",
    'quote" back\\slash \nnew line',
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "\u202eevil",
    "x" * (1 << 20),
)


def hostile() -> Document:
    """Return the document of this fleet; its waivers and changes are hostile, too."""
    nodes = []
    for number, text in enumerate(HOSTILE):
        found = facts(KINDS[0])
        found["os"]["name"] = found["kernel"]["release"] = found["selinux"]["mode"] = found["observed_at"] = found[
            "tools"
        ]["nft"]["version"] = text
        now = {"axis": "now", "code": text, "text": text, "where": text}
        found["modules"]["xt_owner"].update(state="missing", autoload="never", boot="no", reasons=[now])
        autoload = {"axis": "autoload", "code": "blacklist", "text": text, "where": f"{text}:3"}
        found["modules"]["xt_CT"].update(state="loadable", autoload="denied", boot="no", reasons=[autoload])
        given = {**outcome(found, SELECTION), "failure": text}
        given["plan"] |= {"alternatives": [{"change": text, "settings": [text]}], "kernel_config": [text]}
        given["plan"]["declaration"] = {"format": "talos", "modules": ["xt_owner"], "conflicts": [text], "text": text}
        nodes += [(f"{number}{text}", given), (f"{text}{number}", {"failure": text}), (text, {"failure": text})]
    previous = build(
        [(name, given if "facts" not in given else outcome(facts(KINDS[0]), SELECTION)) for name, given in nodes]
    )
    waivers = [WaiverRule("xt_CT", (f"0{HOSTILE[0]}", "[x]*"), HOSTILE[1], "2027-01-01", HOSTILE[2])]
    return build(nodes, waivers=waivers, previous=previous)
