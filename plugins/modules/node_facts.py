#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what an Istio node preparation needs to know of a node, in one trip."""

DOCUMENTATION = r"""
module: node_facts
short_description: Gather kernel module, kernel and tool facts of a node
version_added: 0.1.0
description:
  - Tells for each kernel module whether it is loaded, built in, merged into another one, loadable, blocked or missing,
    whether the kernel would load it on demand for a container, and whether it comes back after a reboot.
  - Changes nothing. It loads no module and lists no iptables table, since listing a legacy table creates it.
  - It knows kernel modules and never what Istio requires of them; that is what the filters of this collection are for.
options:
  modules:
    description:
      - Names of the modules to look at. A dash and an underscore are one.
      - By default all names that this collection's catalogue knows.
    type: list
    elements: str
  root:
    description: Directory that holds the system to look at, an absolute path, for an unpacked image or a recorded tree. Its tools are not run.
    type: path
    default: /
  kernel:
    description:
      - Which installed kernel to judge. V(running) is the one that runs; V(next) the one that boots next, so that an
        upgrade which loses modules is seen before the reboot; anything else is the release of an installed kernel.
      - With another than the running one nothing counts as loaded, and the settings and the command line of the running
        one are taken to stay.
      - Below a O(root) in which no kernel runs, V(running) means V(next).
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
    description: Judges these facts.
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Gather the facts of the node
  nodeprep.istio.node_facts:

- name: Look at an unpacked image
  nodeprep.istio.node_facts:
    root: /srv/images/worker

- name: See before the reboot what the next kernel has
  nodeprep.istio.node_facts:
    kernel: next
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to the host's facts.
  returned: always
  type: dict
  contains:
    istio_node:
      description: What was observed on the node.
      returned: always
      type: dict
      contains:
        schema:
          description: Version of this structure.
          type: int
          sample: 2
        observed_at:
          description: When it was observed, in UTC, ISO 8601.
          type: str
          sample: "2026-11-23T18:00:00Z"
        kernel:
          description:
            - Release and version of the kernel, whether it runs, whether it supports modules, whether its modules tree is
              there, whether it has IPv6 (C(ipv6), null where that cannot be told), and as C(next) the C(release) of the kernel that
              boots next and C(how) that is told.
          type: dict
        modules:
          description:
            - For each module name its C(state) (V(loaded), V(builtin), V(merged), V(loadable), V(blocked), V(missing),
              V(unknown)), C(autoload) (V(yes), V(never), V(denied), V(unknown)) and C(boot) (V(yes), V(no), V(ineffective),
              V(not_applicable), V(unknown)). Where they apply also C(provider), the module it is merged
              into or an alias of, C(origin), its file or kernel option, C(depends), the modules it needs, C(autoload_after), the
              module that has to be there before the kernel asks for this one, and C(next), C(state) and C(autoload) with
              the kernel that boots next, or with the settings that outlive a reboot or come with it (sysctl.d), where they are others
              than now. C(boot) is judged with those.
          type: dict
        reasons:
          description:
            - Why, in the order of the axes; what several modules have in common is said once. Each has its C(axis) (V(now), V(autoload),
              V(boot)), a C(code) (docs/reasons.md of the collection lists all of them), a C(text) and C(modules). Where they apply also
              C(where), the file that it rests on, C(listed), the file of the boot list's line that it is about, and C(needs), the module
              that all of these need and that the reason is about.
            - C(modules) has for each module's name a list of what is left of C(where) and C(listed), in this order, a line number or a file's
              name in that directory, or null.
            - With C(dependents), V(true), the reason holds as well for every module that has one of these in its C(depends).
              M(nodeprep.istio.node_readiness) returns facts in which each module has all of its reasons in its own entry.
            - A cause that explains two axes of a module is said of the first. Each C(blacklist) line that keeps a module from being loaded has its
              reason, and so has each C(install) line, those that count once the first of them is gone, too; five of one kind at most.
          type: list
          elements: dict
          sample:
            - {axis: autoload, code: blacklist, text: blacklisted, where: /etc/modprobe.d/hardening.conf, modules: {xt_mark: [3], xt_owner: [4]}}
            - axis: boot
              code: blacklist
              text: blacklisted
              where: /etc/modprobe.d/hardening.conf
              listed: /etc/modules-load.d/mesh.conf
              modules: {xt_mark: [3, 1]}  # blacklisted in line 3 of the one file, listed in line 1 of the other
        boot_files:
          description: For each file that lists any of the modules to be loaded at boot, which of them it lists; of other names nothing is told.
          type: dict
        blockers:
          description: Settings that keep the kernel from loading modules.
          type: dict
        selinux:
          description:
            - The mode of SELinux, its policy, and as C(module_request) whether the policy lets the domain of containers
              make the kernel load a module; null where it cannot be asked.
            - C(denied) is what the audit log remembers of that, C(modules), C(domains) and when it happened last, C(at); null where there is
              no log, or it cannot be read.
          type: dict
        management:
          description:
            - Whether systemd runs (C(systemd)), and by what else than file by file the system is changed (C(managed_by)), V(ostree),
              V(transactional-update), or V(image) where /etc is mounted read-only; null elsewhere.
            - Where C(modules-load.d) is not sure to be read at boot also C(boot_files_read), V(false), or null where that cannot be told, and
              C(boot_files_mask), what switches systemd-modules-load off, the path of a unit file or words of the kernel command line, or null.
          type: dict
        ours:
          description:
            - What of this collection is on the node. C(boot_file) are the names in the block of the boot file, null where its marks are no
              pair, C(masked) is whether a link switches that file off. Where they apply also C(block), V(true) of a block without any name,
              C(beside), what other lines of that file list and C(boot_files) does not tell, C(more), V(true) where that file
              has more names than are told, C(would_hide), a vendor's file that it would take the place of, and C(in_the_way), what is
              not ours where our files in C(modprobe.d) would be.
            - C(overrides) are files in C(modprobe.d), each with the file that it is a copy of (C(of)), the C(lines) that it takes back, whether
              it is as it would be written now (C(current)), and whether somebody else has changed it (C(edited)); C(policy) is the SELinux
              module that counts, with all its C(priorities), whether C(semodule) is there, and C(disabled), V(true) where it is switched
              off, or null. A long C(cil) is told by its digest.
          type: dict
        conflicts:
          description:
            - For each file of modprobe.d whose C(blacklist) or C(install) lines are reasons its C(package), its first C(comment), and C(lines), by their
              numbers. Only lines are told that are written in another way than C(blacklist NAME), or C(install NAME COMMAND) with the reason's command.
          type: dict
        surroundings:
          description: The kind of container around this system, the machine's vendor, whether this task may load modules.
          type: dict
        options:
          description: Kernel options that no module shows, V(y), V(m), V(n), or null where they cannot be read.
          type: dict
        os:
          description: Identity of the operating system.
          type: dict
        tools:
          description: Path and version of C(nft), C(iptables) and its variants, C(ipset) and C(modprobe), null for one that is not there.
          type: dict
        netfilter:
          description:
            - What netfilter holds in the network namespace of this module, read without making any of it. C(legacy_tables) has the tables of
              C(ipv4) and C(ipv6) that exist, C(nft_compat_uses) how many rules of iptables-nft hold it, C(ipsets) the names of Istio's sets.
            - A value is null where it cannot be told.
          type: dict
        unreadable:
          description: Files that exist and could not be read, with the error; 20 of them at most.
          type: dict
        shortened:
          description:
            - What is told in short, since all of it would make more than 16 KiB of JSON, in the order in which it was cut. V(origin) is left
              out, V(unreadable) has three files, V(boot_files) names our own alone, V(ours) has 20 overrides without their lines, and few of the
              names that this collection does not know.
            - V(reasons) and C(conflicts) are without files and lines, but for the kernel command line; V(further_reasons) leaves one for each axis;
              V(texts) are cut; V(providers), what somebody's own aliases lead to, are left out, and V(depends) too.
            - The answers of a module are never left out, but become V(unknown) with V(providers). Of more modules than the default ones more may be told.
          returned: when something is
          type: list
          elements: str
          sample: [origin]
"""

import datetime

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts


def main():
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str"},
            "root": {"type": "path", "default": "/"},
            "kernel": {"type": "str", "default": "running"},
        },
        supports_check_mode=True,
    )
    asked = module.params["modules"]
    for name in asked or []:
        if not _module_names.is_valid(name):
            module.fail_json(msg="modules: '{0}' is no module name: letters, digits, '_' and '-' only".format(name))
    root = "/" + module.params["root"].strip("/")
    if not module.params["root"].startswith("/") or not Files(root).is_dir("/"):
        module.fail_json(
            msg="root: there is no directory '{0}'; it has to be an absolute path".format(module.params["root"])
        )
    module.run_command_environ_update = {"LC_ALL": "C", "LANG": "C"}

    def run(arguments):
        code, out, _err = module.run_command(arguments)
        return code, out

    try:
        facts = node_facts.facts(
            Files(root),
            sorted({_module_names.canonical(name) for name in asked}) if asked else _module_names.KNOWN_MODULES,
            datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            run if root == "/" else None,
            module.params["kernel"],
        )
    except node_facts.NoSuchKernel as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, ansible_facts={"istio_node": facts})


if __name__ == "__main__":
    main()
