# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules without Ansible."""

import json

import pytest
from ansible.module_utils import basic


class ModuleRunner:
    """Runs main() of a module in this process, always in diff mode.

    :param module: the Python module that has main().
    """

    def __init__(self, module, monkeypatch, capsys, remote_tmp):
        self._module = module
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._remote_tmp = str(remote_tmp)

    def run(self, check_mode=False, **options):
        """Return what the module prints, without its invocation."""
        internal = {"_ansible_check_mode": check_mode, "_ansible_diff": True, "_ansible_remote_tmp": self._remote_tmp}
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, **internal)}).encode("utf-8")
        self._monkeypatch.setattr(basic, "_ANSIBLE_ARGS", arguments)
        self._monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            self._module.main()
        result = json.loads(self._capsys.readouterr().out)
        result.pop("invocation", None)
        return result
