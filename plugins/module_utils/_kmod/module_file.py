# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What the file of a module tells before anybody loads it: whether it is one at all, for which kernel, whether signed."""

import re
import zlib

try:
    import lzma
except ImportError:  # not in every build of Python
    lzma = None

from ansible_collections.nodeprep.istio.plugins.module_utils._files import MOST_BYTES, gunzip
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause

# scripts/sign-file.c: magic_number
SIGNATURE = b"~Module signature appended~\n"
MAGIC = {".gz": b"\x1f\x8b", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}
ELF = b"\x7fELF"
_DAMAGE = (EOFError, ValueError, zlib.error) + ((lzma.LZMAError,) if lzma else ())
_VERMAGIC = re.compile(rb"\x00vermagic=([^\x00]*)\x00")


def format_refusal(files, path, release):
    """Return the cause for which the kernel would refuse the file's format, or None; what cannot be told is None.

    Of a compressed file only the first bytes are looked at: to unpack each would cost more than all the rest. A file
    that was built for another release is refused unless it carries symbol versions (kernel/module/version.c:
    same_magic()).
    """
    suffix = next((suffix for suffix in MAGIC if path.endswith(suffix)), None)
    content = files.read_bytes(path)
    if content is None:
        return None
    if not content.startswith(MAGIC[suffix] if suffix else ELF):
        return Cause(
            "invalid_module_file",
            "its file is damaged: it is no {0} file".format(suffix[1:] if suffix else "ELF"),
            path,
        )
    vermagic = None if suffix else _VERMAGIC.search(content)
    words = vermagic.group(1).decode("utf-8", "replace").split() if vermagic else []
    if words and words[0] != release and "modversions" not in words:
        return Cause("invalid_module_file", "its file was built for kernel {0}".format(words[0]), path)
    return None


def is_signed(files, path):
    """Whether the file carries a signature, by whichever key; None where it cannot be told, as of a zstd file."""
    if path.endswith(".zst") or (lzma is None and path.endswith(".xz")):
        return None
    tail = files.read_bytes(path, None if path.endswith((".gz", ".xz")) else len(SIGNATURE))
    try:
        if path.endswith(".gz"):
            tail = gunzip(tail or b"")
        elif path.endswith(".xz"):
            tail = _unxz(tail or b"")
    except _DAMAGE:
        return None
    return None if tail is None else tail.endswith(SIGNATURE)


def _unxz(content):
    unpacker = lzma.LZMADecompressor()
    unpacked = unpacker.decompress(content, MOST_BYTES)
    if not unpacker.eof:
        raise EOFError
    return unpacked
