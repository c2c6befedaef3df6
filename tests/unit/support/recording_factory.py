# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings as the recorder makes them, of directories with the files of a node."""

import base64
import io
import os
import stat
import tarfile
import textwrap

NAME = "worker-1"
RECORDED_AT = "2026-11-24T04:00:00Z"


def manifest(name=NAME, recorded_at=RECORDED_AT, modules=None):
    """Return the text of a manifest."""
    lines = ["nodeprep-recording=1", "name=" + name, "recorded_at=" + recorded_at, "root=/", "uid=0", "anonymized=no"]
    if modules is not None:
        lines.append("modules=" + modules)
    return "\n".join(lines + ["complete=yes"]) + "\n"


def build_members(unreadable=None, commands=None, selinux=None, **values):
    """Return dict of name to text of the members of a recording beside the files.

    :param unreadable: dict of path to error text.
    :param commands: list of exit code, arguments and output; None if no program could be started.
    :param selinux: dict of domain to request and answer.
    :param values: of the manifest.
    """
    members = {"recording": manifest(**values)}
    if unreadable:
        members["unreadable"] = "".join("{}\t{}\n".format(path, text) for path, text in unreadable.items())
    if commands is not None:
        members["commands/"] = ""
        for number, (code, arguments, output) in enumerate(commands):
            members["commands/{:02}".format(number)] = "exit={}\n{}\n{}".format(code, "\t".join(arguments), output)
    for domain, (request, answer) in (selinux or {}).items():
        members["selinux/" + domain] = "{}\n{}\n".format(request, answer)
    return members


def make_archive(members, root=None, prefix="./", form=tarfile.GNU_FORMAT, mode="w:gz"):
    """Return the bytes of a tar.gz file.

    :param members: dict of name to text; a name with a slash at its end is a directory. A value may be a TarInfo.
    :param root: directory with the files of the node.
    :param prefix: put before each name, as "tar -C recording ." does.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(prefix + name)
            data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
            info.size = len(data)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
                info.mode = 0o755
            archive.addfile(info, io.BytesIO(data))
        if root is not None:
            archive.add(str(root), prefix + "files")
    return buffer.getvalue()


def make_members_archive(members):
    """Return the bytes of a tar.gz file with members as the reader returns them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.mode, info.size, info.linkname = stat.S_IMODE(member.mode), len(member.content), member.target
            if member.target:
                info.type = tarfile.SYMTYPE
            elif stat.S_ISDIR(member.mode):
                info.type = tarfile.DIRTYPE
            archive.addfile(info, io.BytesIO(member.content))
    return buffer.getvalue()


def record_node(root, **options):
    """Return the tar.gz file of a recording of the node below a directory; see :func:`build_members`."""
    return make_archive(build_members(**options), root)


def write_text(archive, name=NAME):
    """Return the base64 text of an archive."""
    lines = textwrap.wrap(base64.b64encode(archive).decode("ascii"), 76)
    begin = "-----BEGIN NODEPREP RECORDING {}-----".format(name)
    return "\n".join([begin] + lines + [begin.replace("BEGIN", "END")]) + "\n"


def unpack(archive, directory):
    """Unpack a recording of this module, as a user might."""
    os.makedirs(str(directory))
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        # Older Pythons have no filters and ignore the attribute. Newer ones warn if there is none.
        opened.extraction_filter = getattr(tarfile, "tar_filter", None)
        opened.extractall(str(directory))
