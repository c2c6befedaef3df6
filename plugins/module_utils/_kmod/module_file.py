# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's file shows before it is loaded: whether it is intact, its kernel release, and its signature."""

import re
import zlib
from typing import Callable, List, Optional, Set

try:
    import lzma
except ImportError:  # not in every build of Python
    HAS_LZMA = False
else:
    HAS_LZMA = True

from ansible_collections.nodeprep.istio.plugins.module_utils._files import MAX_FILE_BYTES, Files, gunzip
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import ModulesTree
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KERNEL_OPTIONS
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code

# scripts/sign-file.c: magic_number
SIGNATURE = b"~Module signature appended~\n"
# The first bytes of a compressed file, by its suffix.
MAGIC = {".gz": b"\x1f\x8b", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}
ELF = b"\x7fELF"
_VERMAGIC = re.compile(rb"\x00vermagic=([^\x00]*)\x00")


def find_format_error(files: Files, path: str, release: str) -> Optional[Cause]:
    """Return the cause if the kernel would reject the file's format; None if it would not, or if that is unknown.

    Of a compressed file only the first bytes are checked: unpacking each would cost more than all other checks. A file
    that was built for another release is rejected unless it has symbol versions (kernel/module/version.c:
    same_magic()).
    """
    content = files.read_bytes(path)
    if content is None:
        return None
    for suffix, magic in MAGIC.items():
        if path.endswith(suffix):
            return _check_magic(content, magic, suffix[1:], path)
    return _check_magic(content, ELF, "ELF", path) or _check_release(content, path, release)


def _check_magic(content: bytes, magic: bytes, kind: str, path: str) -> Optional[Cause]:
    if content.startswith(magic):
        return None
    return Cause(Code.INVALID_MODULE_FILE, f"its file is damaged: not a valid {kind} file", path)


def _check_release(content: bytes, path: str, release: str) -> Optional[Cause]:
    vermagic = _VERMAGIC.search(content)
    if not vermagic:
        return None
    words = vermagic.group(1).decode("utf-8", "replace").split()
    if not words or words[0] == release or "modversions" in words:
        return None
    return Cause(Code.INVALID_MODULE_FILE, f"its file was built for kernel {words[0]}", path)


def is_signed(files: Files, path: str) -> Optional[bool]:
    """Return whether the file has a signature, by any key; None if that is unknown, for example of a zstd file."""
    if path.endswith(".gz"):
        content = _gunzip(files.read_bytes(path) or b"")
    elif path.endswith(".xz"):
        content = _unxz(files.read_bytes(path) or b"") if HAS_LZMA else None
    elif path.endswith(".zst"):
        content = None
    else:
        content = files.read_bytes(path, len(SIGNATURE))
    return None if content is None else content.endswith(SIGNATURE)


def _gunzip(content: bytes) -> Optional[bytes]:
    try:
        return gunzip(content)
    except (EOFError, zlib.error):
        return None


def _unxz(content: bytes) -> Optional[bytes]:
    unpacker = lzma.LZMADecompressor()
    try:
        unpacked = unpacker.decompress(content, MAX_FILE_BYTES)
    except (EOFError, ValueError, lzma.LZMAError):
        return None
    if not unpacker.eof:
        return None
    return unpacked


SignatureSearch = Callable[[List[str]], Optional[Set[str]]]


class SignatureCheck:
    """Finds out which modules of a tree are signed, for a kernel that accepts only signed modules.

    :param find_signed: function that takes paths and returns those whose files are signed, or None if it cannot tell,
        for the compressions that Python cannot unpack; None if no process may be started.
    """

    def __init__(self, files: Files, tree: ModulesTree, find_signed: Optional[SignatureSearch] = None) -> None:
        self._files = files
        self._tree = tree
        self._find_signed = find_signed
        self._found: Optional[Set[str]] = None
        self._is_searched = False

    def is_signed(self, path: str) -> Optional[bool]:
        """Return whether the module's file is signed; None if that cannot be determined."""
        signed = is_signed(self._files, path)
        if signed is not None or self._find_signed is None or not path.endswith((".xz", ".zst")):
            return signed
        if not self._is_searched:
            self._is_searched = True
            # One call for all modules: the function starts a process.
            paths = [self._tree.find_file(name) for name in KERNEL_OPTIONS]
            self._found = self._find_signed([path for path in paths if path])
        return None if self._found is None else path in self._found
