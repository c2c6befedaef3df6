# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules node_facts and root_facts share."""

import datetime
from typing import Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    KNOWN_MODULES,
    canonicalize,
    is_valid_name,
)


def parse_names(module: AnsibleModule) -> Sequence[str]:
    """Return the canonical names of the modules to look at; fails the module if one is not valid."""
    requested = module.params["modules"]
    if not requested:
        return KNOWN_MODULES
    for name in requested:
        if not is_valid_name(name):
            module.fail_json(msg=f"modules: '{name}' is not a valid module name; use letters, digits, '_' and '-' only")
    return sorted({canonicalize(name) for name in requested})


def format_now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
