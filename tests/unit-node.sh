# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run the unit tests of the code that runs on nodes with one Python: bash tests/unit-node.sh 3.6
# shellcheck shell=bash
# Required in CI; elsewhere a Python that is not installed is skipped, loudly.
set -eu
version=$1
for python in "$(command -v "python$version" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
  if [ -n "$python" ] && "$python" -c '' 2>/dev/null; then
    venv=.venv/node-$version
    [ -e "$venv/.done" ] || { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install -q "pip==21.3.1; python_version < '3.7'" && "$venv/bin/python" -m pip install -q -r requirements/node.txt && touch "$venv/.done"; }
    "$venv/bin/python" -m compileall -q plugins/modules plugins/module_utils
    PYTHONPATH=.cache exec "$venv/bin/python" -m pytest -q -p no:cacheprovider tests/unit/plugins/module_utils
  fi
done
echo "WARNING: Python $version is not installed: the code that runs on nodes was NOT tested with it" >&2
[ -z "${CI:-}" ]
