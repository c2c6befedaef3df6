#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the facts of a node that its assessment and preparation need, in one task."""

DOCUMENTATION = r"""
module: node_facts
short_description: Gather kernel module, kernel and tool facts of a node
version_added: 0.1.0
description:
  - Reports for each kernel module whether it is loaded, built in, merged into another one, loadable, blocked or
    missing. Also reports whether the kernel would load it on demand for a container, and whether it is present
    after a reboot.
  - Changes nothing. It loads no module and lists no iptables table, because listing a legacy table creates it.
  - The facts describe the node and not Istio's requirements. The filters of this collection compare the two.
options:
  modules:
    description:
      - Names of the modules to report. Dashes and underscores are equivalent.
      - By default all names in this collection's catalogue.
    type: list
    elements: str
  root:
    description:
      - Absolute path of the directory that holds the system to read, such as an unpacked image. The tools in it are
        not run.
      - A path of a recording, on the machine on which this module runs, is possible as well. It is a C(tar.gz) file, a
        directory with its content, or a text file with the base64 text of one recording. Nothing is unpacked.
      - The facts of a recording are those that this module would have returned on the node at that time, and
        C(observed_at) is the time of the recording. A recording is only about the modules that its recorder looked
        for, which are those of the catalogue. The answers for other ones are V(unknown).
    type: path
    default: /
  kernel:
    description:
      - The installed kernel to assess. V(running) is the running kernel. V(next) is the kernel that boots next. It
        shows before a reboot whether an upgrade loses modules. Any other value is the release of an installed
        kernel.
      - For a kernel that is not running, no module is reported as loaded. Its settings and command line are assumed
        to be those of the running kernel.
      - If no kernel runs below O(root), V(running) means V(next).
    type: str
    default: running
    version_added: 0.2.0
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the same facts.
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
  facts:
    description: Returns an C(ansible_facts) dictionary that sets host facts.
    support: full
seealso:
  - plugin: nodeprep.istio.readiness
    plugin_type: filter
    description: Assesses these facts.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Gather the facts of the node
  nodeprep.istio.node_facts:

- name: Read an unpacked image
  nodeprep.istio.node_facts:
    root: /srv/images/worker

- name: Read a recording
  nodeprep.istio.node_facts:
    root: "{{ playbook_dir }}/recordings/worker-1.tar.gz"
  delegate_to: localhost

- name: Show which modules the next kernel has
  nodeprep.istio.node_facts:
    kernel: next
"""

RETURN = r"""
other_system:
  description: The name of the system, as C(uname -s) prints it. There are no facts then, and the task is skipped.
  returned: if the node does not run Linux
  type: str
  sample: FreeBSD
ansible_facts:
  description: Facts to add to the host's facts.
  returned: always
  type: dict
  contains:
    istio_node:
      description: The facts of the node.
      returned: always
      type: dict
      contains:
        schema:
          description: Version of this structure.
          returned: always
          type: int
          sample: 3
        observed_at:
          description: Time of the observation, in UTC, ISO 8601.
          returned: always
          type: str
          sample: "2026-11-23T18:00:00Z"
        kernel:
          description: The kernel that these facts describe.
          returned: always
          type: dict
          contains:
            release:
              description: Release of the kernel, as C(uname -r) shows it.
              type: str
              sample: 6.12.0-124.el10.x86_64
            version:
              description: The leading numbers of the release.
              type: list
              elements: int
              sample: [6, 12, 0]
            running:
              description: Whether this kernel is running.
              type: bool
            boot_id:
              description: ID of the current boot; null if this kernel is not running.
              type: str
            modules_supported:
              description: Whether this kernel can load modules; null if this cannot be determined.
              type: bool
            module_tree_present:
              description: Whether the module tree of this kernel is present.
              type: bool
            config:
              description: Path of the file with the options of this kernel; null if there is none.
              type: str
            ipv6:
              description: Whether this kernel supports IPv6; null if this cannot be determined.
              type: bool
            next_boot:
              description: The kernel that boots next; null if this cannot be determined.
              type: dict
              contains:
                release:
                  description: Release of the kernel.
                  type: str
                source:
                  description: What the release was determined from.
                  type: str
                certain:
                  description:
                    - V(true) if the files of the boot loader name this kernel and know the running one, or if the
                      running kernel is the only one that is installed.
                    - V(false) if the release is only a guess. No answer depends on a guess, so that the running kernel
                      is assumed to boot again.
                  type: bool
        modules:
          description: The entry of each module, by name, with the keys below.
          returned: always
          type: dict
          contains:
            state:
              description: V(loaded), V(builtin), V(merged), V(loadable), V(blocked), V(missing) or V(unknown).
              returned: always
              type: str
            autoload:
              description:
                - Whether the kernel would load the module for a container on demand, V(yes), V(never), V(denied) or
                  V(unknown).
                - The kernel requests some modules by several names, for example C(ipt_mark), C(ip6t_mark) and
                  C(ipt_MARK). This is the worst answer to the requests that lead to the module.
              returned: always
              type: str
            requests:
              description:
                - The kernel's requests for the module with another answer than C(autoload), by name. V(never) means
                  that the request leads to no module, or to another one.
              returned: if there are any
              type: dict
              sample: {"nft-chain-1-nat": "yes", "nft-chain-10-nat": "yes"}
            boot:
              description:
                - Whether the module is present after a reboot, V(yes), V(no), V(ineffective), V(not_applicable) or
                  V(unknown).
                - It is assessed with the kernel and the settings of the next boot.
              returned: always
              type: str
            provider:
              description: The module that contains the code of this one, which was merged into it or is its alias.
              returned: if it applies
              type: str
            origin:
              description: The file or the kernel option that the module comes from.
              returned: if it applies
              type: str
            depends:
              description: The modules that this module needs.
              returned: if it applies
              type: list
              elements: str
            autoload_after:
              description: The module that must be present before the kernel requests this one.
              returned: if it applies
              type: str
            next_boot:
              description:
                - C(state), C(autoload) and C(requests) of the module after the next boot, with the kernel that boots
                  next and the settings that are in effect then (sysctl.d).
              returned: if they differ from now
              type: dict
        reasons:
          description:
            - The reasons for the answers about the modules, in the order of their axes. A reason that several
              modules share is listed once.
            - If a cause explains two axes of a module, it is listed for the first one only.
            - There is a reason for each C(blacklist) and C(install) line that blocks a module, also for C(install)
              lines that take effect only after the first one is removed. At most five lines of one kind are listed.
            - If a module that is not loaded is blacklisted, the modules that C(modprobe) would load together with it
              have a reason V(blacklist) for V(boot), with that module as C(dependency). The kernel and systemd load
              them nevertheless. M(nodeprep.istio.kernel_modules) does not.
            - M(nodeprep.istio.node_readiness) returns the reasons of a module in its entry.
          returned: always
          type: list
          elements: dict
          contains:
            axis:
              description: What the reason explains, V(now), V(autoload) or V(boot).
              returned: always
              type: str
            code:
              description: Code of the reason. C(docs/reasons.md) of the collection lists all codes.
              returned: always
              type: str
            text:
              description: The reason in words.
              returned: always
              type: str
            where:
              description: The file that the reason is based on.
              returned: if it applies
              type: str
            listed_in:
              description: The file that lists the modules to load at boot, if the reason is about it.
              returned: if it applies
              type: str
            dependency:
              description: The module that the reason is about. All modules of this reason depend on it.
              returned: if it applies
              type: str
            modules:
              description:
                - A mapping of module name to a list with one item for C(where) and one for C(listed_in), if these
                  are present.
                - An item is a line number in that file, the name of a file in that directory, or null.
              returned: always
              type: dict
            includes_dependents:
              description: V(true) if the reason also applies to all modules that depend on these.
              returned: if it applies
              type: bool
          sample:
            - axis: autoload
              code: blacklist
              text: blacklisted
              where: /etc/modprobe.d/hardening.conf
              modules: {xt_mark: [3], xt_owner: [4]}
            - axis: boot
              code: blacklist
              text: blacklisted
              where: /etc/modprobe.d/hardening.conf
              listed_in: /etc/modules-load.d/mesh.conf
              modules: {xt_mark: [3, 1]}  # blacklisted in line 3 of the one file, listed in line 1 of the other
        boot_files:
          description:
            - For each file that lists modules to load at boot, those of the requested modules that it lists.
          returned: always
          type: dict
        blockers:
          description:
            - Settings that stop the kernel from loading modules. A value is null if the kernel does not support the
              setting, or if it cannot be read.
          returned: always
          type: dict
          contains:
            modules_disabled:
              description: Whether C(kernel.modules_disabled) is 1.
              type: bool
            modprobe_helper:
              description: Value of C(kernel.modprobe), the program that the kernel starts to load a module.
              type: str
            modprobe_helper_exists:
              description: Whether the kernel can start that program.
              type: bool
            lockdown:
              description: The lockdown mode of the kernel.
              type: str
            signature_enforced:
              description: Whether the kernel loads signed modules only.
              type: bool
        selinux:
          description: The state of SELinux. Only the first three keys are present if SELinux is disabled.
          returned: always
          type: dict
          contains:
            mode:
              description: V(enforcing), V(permissive), V(disabled), or V(unknown) if it cannot be read.
              type: str
            policy:
              description: The configured policy type; null if there is none.
              type: str
            configured:
              description: The configured mode; null if there is none.
              type: str
            domain_kernel_load_modules:
              description: Value of this SELinux boolean; null if the policy does not define it.
              type: bool
            module_request:
              description:
                - Whether the policy lets containers make the kernel load a module; null if the policy cannot be
                  queried.
              type: bool
            domain:
              description:
                - The SELinux domain of containers to which C(module_request) applies; null if the policy defines
                  none or cannot be queried.
              type: str
            denied:
              description: The denied requests in the audit log; null if the log does not exist or cannot be read.
              type: dict
              contains:
                modules:
                  description: The modules that the kernel was not allowed to load.
                  type: list
                  elements: str
                domains:
                  description: The SELinux domains of the processes that needed them.
                  type: list
                  elements: str
                at:
                  description: Time of the last denial, in UTC, ISO 8601; null if there is none.
                  type: str
        platform:
          description: What kind of system this is.
          returned: always
          type: dict
          contains:
            container:
              description:
                - The kind of container that this system runs in, for example V(docker), V(podman), V(lxc) or V(kind).
                - V(user_namespace) if nothing else shows the container.
                - V(wsl) on the Windows Subsystem for Linux, whose systems have boot files of their own.
                - Null if there is none.
              type: str
            machine:
              description: Vendor and product name of the machine; null if they cannot be read.
              type: str
            can_load_modules:
              description:
                - Whether this task may load modules; null if this cannot be determined.
                - A capability in a user namespace does not allow that.
              type: bool
            user_namespace:
              description: V(true) if this system runs in a user namespace other than the first.
              returned: if it does
              type: bool
            systemd:
              description: Whether systemd is the init system.
              type: bool
            init:
              description:
                - The init system that runs or, below another root, is installed. V(systemd), V(openrc), V(runit),
                  V(sysvinit) or V(busybox).
                - Null if it is another one or unknown.
              type: str
            managed_by:
              description:
                - What manages the files of this system, V(ostree), V(nixos), or V(image) if C(/etc) is mounted
                  read-only.
                - V(transactional-update) manages the packages only.
                - Null if files and packages may be changed directly.
              type: str
            etc:
              description:
                - V(read_only) if C(/etc/modules-load.d) is mounted read-only.
                - V(volatile) if it is in memory, so a reboot does not keep what is written there. That includes an
                  overlay whose upper directory is in memory.
                - V(unknown) if the root is an overlay whose upper directory cannot be seen.
              returned: unless a reboot keeps what is written there
              type: str
            kubelet:
              description: The name of the process that contains the kubelet, such as V(k3s-server) or V(kubelite).
              returned: if it is not V(kubelet)
              type: str
            boot_files_read:
              description:
                - V(false) if no program reads C(/etc/modules-load.d) at boot; null if this cannot be determined.
              returned: unless it is certain that C(/etc/modules-load.d) is read at boot
              type: bool
            boot_files_mask:
              description:
                - The unit file or the option of the kernel command line that masks systemd-modules-load.
                - Without systemd, the init script that would read C(/etc/modules-load.d) and that is not enabled.
                - Null if there is none.
              returned: unless it is certain that C(/etc/modules-load.d) is read at boot
              type: str
        managed:
          description: The files and the policy module of this collection on the node.
          returned: always
          type: dict
          contains:
            boot_file:
              description:
                - The modules in our block of C(/etc/modules-load.d/istio.conf); null if its BEGIN/END markers are
                  unbalanced.
              returned: always
              type: list
              elements: str
            masked:
              description: Whether the boot file is a link to C(/dev/null).
              returned: always
              type: bool
            overrides:
              description: The overrides in C(/etc/modprobe.d), by path, with the keys below.
              returned: always
              type: dict
              contains:
                source:
                  description: The file that the override is a copy of; null if it is not a copy.
                  type: str
                lines:
                  description: The lines that it overrides.
                  type: list
                  elements: str
                current:
                  description: Whether the file is as this collection would write it now.
                  type: bool
                edited:
                  description: Whether the file was edited after this collection wrote it.
                  type: bool
            policy:
              description: The SELinux module of this collection; null if it is not installed.
              returned: always
              type: dict
              contains:
                priority:
                  description: The priority that is in effect, which is the highest one.
                  type: int
                priorities:
                  description: All priorities with which the module is installed.
                  type: list
                  elements: int
                cil:
                  description: The text of the module. A long text is replaced by its SHA-256 digest.
                  type: str
                semodule:
                  description: Whether the program C(semodule) is installed.
                  type: bool
                disabled:
                  description: V(true) if the module is installed but disabled.
                  returned: if it is disabled
                  type: bool
            has_empty_block:
              description: V(true) if the boot file contains our block and the block is empty.
              returned: if it applies
              type: bool
            other_modules:
              description: Modules that other lines of the boot file list and that C(boot_files) omits.
              returned: if there are any
              type: list
              elements: str
            truncated:
              description: V(true) if the boot file lists more names than C(boot_file) and C(other_modules).
              returned: if it applies
              type: bool
            shadowed_file:
              description: A vendor file that our boot file would hide because it has the same name.
              returned: if it applies
              type: str
            occupied_paths:
              description: Paths in C(/etc/modprobe.d) that an override requires and that another file occupies.
              returned: if there are any
              type: list
              elements: str
        conflicts:
          description:
            - The modprobe.d files whose C(blacklist) or C(install) lines are reasons, by path, with the keys below.
          returned: always
          type: dict
          contains:
            package:
              description: The package that the file belongs to; null if there is none.
              type: str
            comment:
              description: The first comment in the file; null if there is none.
              type: str
            lines:
              description:
                - The lines, by number, if they differ from C(blacklist NAME), or from C(install NAME COMMAND) with
                  the command of the reason.
              type: dict
        options:
          description:
            - Values of kernel options that no module reveals, V(y), V(m) or V(n); null if they cannot be read.
            - They are C(MODULES), C(NF_CONNTRACK_ZONES), C(NF_CONNTRACK_MARK), C(IP_MULTIPLE_TABLES),
              C(IPV6_MULTIPLE_TABLES), C(NF_TABLES_INET), C(NF_TABLES_IPV4) and C(NF_TABLES_IPV6), without C(CONFIG_).
            - One of the last five is absent if neither the configuration of the kernel nor its symbols show it.
          returned: always
          type: dict
          sample: {MODULES: "y", NF_CONNTRACK_ZONES: "y", IP_MULTIPLE_TABLES: "n"}
        other_kernels:
          description:
            - Up to three other installed kernels, by release, with the keys below. Those of the running kernel's
              flavour come first, and of these the newest.
          returned: if another kernel with a module index is installed, and this is not a container
          type: dict
          contains:
            lacks:
              description: The modules of the catalogue that this kernel lacks.
              returned: always
              type: list
              elements: str
            unset_options:
              description:
                - The options of C(options) that are not set in the configuration of this kernel; null if it cannot be
                  read.
              returned: always
              type: list
              elements: str
        os:
          description: The operating system. A value is null if os-release does not set it.
          returned: always
          type: dict
          contains:
            id:
              description: C(ID) of os-release.
              type: str
            version:
              description: C(VERSION_ID) of os-release.
              type: str
            name:
              description: C(PRETTY_NAME) of os-release.
              type: str
        tools:
          description:
            - The C(path) and C(version) of C(nft), C(iptables) and its variants, C(ipset) and C(modprobe), and the
              C(path) of C(nsenter); null for a tool that is not installed.
            - For C(nft), C(json) shows whether it was built with JSON support. For C(iptables), C(variant) is V(nft)
              or V(legacy).
          returned: always
          type: dict
        netfilter:
          description:
            - The state of netfilter in the network namespace of this module. Reading it creates nothing. A value is
              null if it cannot be determined.
          returned: always
          type: dict
          contains:
            legacy_tables:
              description: The existing legacy tables for C(ipv4) and C(ipv6).
              type: dict
            legacy_rules:
              description:
                - The legacy tables that hold rules, for C(ipv4) and C(ipv6), from the host's C(iptables-legacy-save);
                  null if they cannot be listed. Chains without rules do not count.
              returned: for a family with a legacy table
              type: dict
            nft_compat_uses:
              description: How often the rules of iptables-nft use C(nft_compat), in all network namespaces.
              type: int
            ipsets:
              description: The names of Istio's ipsets.
              type: list
              elements: str
            bridges:
              description: The names of the first three bridges.
              type: list
              elements: str
            ipv6_off:
              description: The names below C(net.ipv6.conf) whose C(disable_ipv6) is 1, of V(all), V(default) and V(lo).
              returned: if there are any
              type: list
              elements: str
            loopback_ipv6:
              description: False, since the loopback interface has no address V(::1).
              returned: if it has none
              type: bool
        unreadable:
          description: The error for each file that exists but cannot be read, by path, for at most 20 files.
          returned: always
          type: dict
        truncated:
          description:
            - What was cut to keep the facts below 16 KiB of JSON, in the order in which it was cut. The limit is
              higher if O(modules) lists more modules than the default.
            - With V(other_kernels), C(other_kernels) is omitted.
            - With V(origin), the C(origin) of all modules is omitted.
            - With V(unreadable), three files remain.
            - With V(boot_files), the paths are omitted, except that of the boot file of this collection.
            - With V(managed), 10 overrides remain, without C(source) and C(lines), and some of the names that this
              collection does not know.
            - With V(reasons), the reasons name no files and lines except the kernel command line, and C(conflicts)
              is empty.
            - With V(texts), long texts are cut.
            - With V(other_reasons), one reason for each axis remains, and one that blocks the module.
            - With V(providers), modules to which only local aliases refer are omitted. The state of such an alias
              becomes V(unknown).
            - With V(depends), the C(depends) of all modules is omitted.
            - With V(requests), the C(requests) of all modules is omitted, and C(autoload) is the worst answer of all.
            - The state, autoload and boot answers of a requested module are never omitted.
          returned: if something was cut
          type: list
          elements: str
          sample: [origin]
"""

import datetime
import os
from typing import Any, Dict, List, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    KNOWN_MODULES,
    canonicalize,
    is_valid_name,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts


def parse_names(module: AnsibleModule) -> Sequence[str]:
    """Return the canonical names of the modules to look at; fails the module if one is not valid."""
    requested = module.params["modules"]
    if not requested:
        return KNOWN_MODULES
    for name in requested:
        if not is_valid_name(name):
            module.fail_json(msg=f"modules: '{name}' is not a valid module name; use letters, digits, '_' and '-' only")
    return sorted({canonicalize(name) for name in requested})


def parse_root(module: AnsibleModule) -> str:
    """Return the root without a slash at its end; fails the module if it is not absolute."""
    requested: str = module.params["root"]
    if not requested.startswith("/"):
        module.fail_json(msg=f"root: '{requested}' is not an absolute path; give one")
    return "/" + requested.strip("/")


def gather_recorded_facts(module: AnsibleModule, root: str, names: Sequence[str]) -> Dict[str, Any]:
    """Return the facts of the system below a directory or in a recording; fails the module if there is none."""
    # Imported only if needed, since observing a node must stay fast.
    from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import RecordingError
    from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import is_recording, open_recording

    kernel = module.params["kernel"]
    try:
        if is_recording(root):
            recording = open_recording(root)
            return gather_facts(recording.files, names, recording.recorded_at, recording.run, kernel)
    except RecordingError as exc:
        module.fail_json(msg=f"root: {exc}")
    if not os.path.isdir(root):
        module.fail_json(
            msg=f"root: '{root}' is neither a directory nor a recording; give the absolute path of an existing one"
        )
    # The programs of another system must not be started.
    return gather_facts(Files(root), names, format_now(), None, kernel)


def gather_live_facts(module: AnsibleModule, names: Sequence[str]) -> Dict[str, Any]:
    """Return the facts of the running system."""
    module.run_command_environ_update = {"LC_ALL": "C", "LANG": "C"}

    def run(arguments: List[str]) -> Tuple[int, str]:
        code, output, _errors = module.run_command(arguments)
        return code, output

    return gather_facts(Files(), names, format_now(), run, module.params["kernel"])


def format_now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str"},
            "root": {"type": "path", "default": "/"},
            "kernel": {"type": "str", "default": "running"},
        },
        supports_check_mode=True,
    )
    names = parse_names(module)
    root = parse_root(module)
    system = os.uname().sysname
    if root == "/" and system != "Linux":
        module.exit_json(changed=False, skipped=True, other_system=system, msg=f"not a Linux node: {system}")
    try:
        facts = gather_live_facts(module, names) if root == "/" else gather_recorded_facts(module, root, names)
    except UnknownKernelError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, ansible_facts={"istio_node": facts})


if __name__ == "__main__":
    main()
