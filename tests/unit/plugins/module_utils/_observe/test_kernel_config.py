# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options with which a kernel was built."""

import gzip

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_config import read_kernel_config
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

TEXT = "CONFIG_MODULES=y\nCONFIG_NF_NAT=m\n# CONFIG_IPV6 is not set\nCONFIG_HZ=250\n"
OPTIONS = {"MODULES": "y", "NF_NAT": "m"}


@pytest.mark.parametrize("path", ["/boot/config-" + RELEASE, "/lib/modules/" + RELEASE + "/config"])
def test_the_options_are_read_from_a_file(node, path):
    node.write(path, TEXT)
    assert read_kernel_config(Files(str(node.root)), RELEASE, running=True) == (OPTIONS, path)


def test_proc_describes_only_the_running_kernel(node):
    node.write("/proc/config.gz", gzip.compress(TEXT.encode()))
    files = Files(str(node.root))
    assert read_kernel_config(files, RELEASE, running=True) == (OPTIONS, "/proc/config.gz")
    assert read_kernel_config(files, RELEASE, running=False) == (None, None)


def test_an_empty_configuration_is_none(node):
    node.write("/boot/config-" + RELEASE, "")
    assert read_kernel_config(Files(str(node.root)), RELEASE, running=True) == (None, None)
