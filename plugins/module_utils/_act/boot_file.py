# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file: read it, and check before anything is changed that it can be changed."""

from typing import NamedTuple

from ansible_collections.nodeprep.istio.plugins.module_utils._act import safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH, BootFileError
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import find_shadowed_file


class BootFile(NamedTuple):
    """The text of the boot file, empty if it does not exist, and whether it exists."""

    text: str
    exists: bool


def read_boot_file(is_required: bool) -> BootFile:
    """Return the boot file.

    :param is_required: whether names will be added. Otherwise a disabled file, which has no block, is not an error.

    Raises BootFileError if it is disabled, and FileAccessError if it cannot be read.
    """
    if safe_write.is_masked(PATH):
        if is_required:
            raise BootFileError(f"{PATH}: a link to /dev/null disables this file; remove it, or set persist: false")
        return BootFile("", True)
    text = safe_write.read_text(PATH)
    return BootFile(text or "", text is not None)


def ensure_changeable(files: Files, text: str) -> None:
    """Raise BootFileError if a boot file with this text would hide another file, FileAccessError if it is not writable.

    See :func:`managed.find_shadowed_file`.
    """
    shadowed = find_shadowed_file(files) if text else None
    if shadowed:
        raise BootFileError(f"{PATH}: would hide {shadowed}, which lists modules; copy that file to {PATH} first")
    safe_write.ensure_writable(PATH, text)
