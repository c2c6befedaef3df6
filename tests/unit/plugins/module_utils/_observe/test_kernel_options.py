# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel options without a module, from a configuration or from the symbols of the running kernel."""

import gzip

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import kernel_config, kernel_options

RELEASE = "6.1.0-30-amd64"
CONFIG = f"/boot/config-{RELEASE}"


def read(node):
    files = Files(str(node.root))
    config = kernel_config.read_kernel_config(files, RELEASE, True)
    if config.options is None:
        return kernel_options.find_by_symbols(files)
    return {option: kernel_options.find_in_config(config.options, option) for option in kernel_options.DEPENDENCIES}


@pytest.mark.parametrize(
    "line, value",
    [
        ("CONFIG_NF_TABLES_INET=y", "y"),
        ("# CONFIG_NF_TABLES_INET is not set", "n"),
        # Without its dependency an option has no line.
        ("# CONFIG_IPV6 is not set", "n"),
        ("# CONFIG_NF_TABLES is not set", "n"),
        # A configuration that mentions neither is not complete.
        ("CONFIG_NF_TABLES_IPV4=y", None),
        ("# CONFIG_NF_TABLES_INET_MORE is not set", None),
    ],
)
def test_only_a_line_of_the_configuration_settles_an_option(node, line, value):
    node.write(CONFIG, f"CONFIG_MODULES=y\n{line}\n")
    assert read(node)["NF_TABLES_INET"] == value


def test_policy_routing_depends_on_the_advanced_router(node):
    node.write("/proc/config.gz", gzip.compress(b"CONFIG_MODULES=y\n# CONFIG_IP_ADVANCED_ROUTER is not set\n"))
    options = read(node)
    assert options["IP_MULTIPLE_TABLES"] == "n"
    assert options["IPV6_MULTIPLE_TABLES"] is None


SYMBOLS = """0000000000000000 T fib_table_lookup
0000000000000000 t fib4_rule_action
0000000000000000 T fib6_table_lookup
0000000000000000 t nf_tables_newtable\t[nf_tables]
0000000000000000 t nft_do_chain_inet\t[nf_tables]
"""


def test_without_a_configuration_the_symbols_of_the_running_kernel_count(node):
    node.write("/proc/kallsyms", SYMBOLS)
    assert read(node) == {
        "IP_MULTIPLE_TABLES": "y",
        "IPV6_MULTIPLE_TABLES": "n",
        "NF_TABLES_INET": "y",
        "NF_TABLES_IPV4": "n",
        "NF_TABLES_IPV6": "n",
    }


def test_symbols_of_code_that_is_not_loaded_settle_nothing(node):
    node.write("/proc/kallsyms", "0000000000000000 T fib_table_lookup\n")
    assert read(node)["NF_TABLES_INET"] is None
    assert read(node)["IP_MULTIPLE_TABLES"] == "n"
