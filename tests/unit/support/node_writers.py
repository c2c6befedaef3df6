# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded nodes of many kinds, each with what makes its kind differ: init system, boot loader, packages, modules."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable

from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import Override
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import NETFILTER, RELEASE, SIGNATURE
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

OLD = "5.10.0-9-test"
TREE = "/lib/modules/" + RELEASE
CONFIG = "# Automatically generated\nCONFIG_MODULES=y\nCONFIG_NF_TABLES=m\n# CONFIG_IP_SET is not set\nCONFIG_IPV6=y\n"
LIVE = "nf_conntrack 196608 4 nf_nat,nft_ct, Live 0xffffffffc0a52000\nnft_compat 20480 7 - Live 0xffffffffc0b11000\n"
INIT_SCRIPT = "#!/bin/sh\nTOKEN=s3cr3t\nfor file in /etc/modules-load.d/*.conf; do modprobe ${file##*/}; done\n"


def write_interfaces(node: RecordedNode) -> None:
    """More bridges than the facts list, and another interface."""
    node.write("/sys/class/net/eth0/address", "52:54:00:00:00:01\n")
    for name in ("br-lan", "cni0", "docker0", "virbr0"):
        node.write(f"/sys/devices/virtual/net/{name}/bridge/bridge_id", "8000\n")
        node.link(f"/sys/class/net/{name}", f"../../devices/virtual/net/{name}")


def write_debian(node: RecordedNode) -> None:
    """systemd, GRUB, dpkg, alternatives, links in /etc, a loaded kernel and an older one."""
    node.tree()
    node.tree(release=OLD)
    node.grub(RELEASE, OLD)
    node.write("/boot/grub/grub.cfg", node.path("/boot/grub/grub.cfg").read_text() + "password_pbkdf2 root s3cr3t\n")
    node.write("/boot/grub/grubenv", "saved_entry=0\nkernelopts=root=UUID=1 token=s3cr3t\n")
    node.write(f"/boot/config-{RELEASE}", CONFIG)
    node.write(f"/boot/config-{OLD}", CONFIG)
    node.write(f"/boot/vmlinuz-{RELEASE}", "")
    node.link("/vmlinuz", f"boot/vmlinuz-{RELEASE}")
    node.write("/proc/modules", LIVE)
    node.write("/proc/cmdline", 'quiet modules-load=nf_nat "module-blacklist=xt_mark" token=s3cr3t systemd.mask=x\n')
    node.write("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n")
    node.write("/proc/self/uid_map", "         0          0 4294967295\n")
    node.write("/proc/self/mounts", "/dev/vda1 / ext4 rw,errors=remount-ro 0 0\nnfs:/home /home nfs4 rw 0 0\n")
    node.write("/proc/1/comm", "systemd\n")
    node.write("/proc/1/environ", "TOKEN=s3cr3t\0container=lxc\0")
    node.write("/proc/17/comm", "k3s-server\n")
    node.write("/proc/18/comm", "bash\n")
    node.link("/proc/1/exe", "/lib/systemd/systemd")
    node.link("/proc/self/ns/pid", "pid:[4026531836]")
    node.write("/proc/net/ip_tables_names", "nat\nfilter\n")
    node.write(
        "/proc/net/if_inet6", "20010db8000000000000000000000001 02 40 00 80 eth0\n" + "0" * 31 + "1 01 80 10 80 lo\n"
    )
    node.write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n")
    node.write("/proc/sys/kernel/modprobe", "/sbin/modprobe\n")
    node.link("/sbin/modprobe", "../bin/kmod")
    node.write("/bin/kmod", "")
    node.path("/bin/kmod").chmod(0o755)
    node.write("/etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    node.write("/etc/modules", "nf_nat_ftp\nunknown_module\n")
    node.link("/etc/modules-load.d/modules.conf", "../modules")
    node.write("/etc/modules-load.d/empty.conf", "")
    node.write("/etc/modules-load.d/iptables.conf", "iptable_nat")
    node.link("/etc/modules-load.d/masked.conf", "/dev/null")
    node.write("/usr/lib/modules-load.d/masked.conf", "xt_owner\n")
    node.write(
        "/etc/modprobe.d/site.conf", "# Managed by the platform team\nblacklist xt-mark\noptions wifi key=s3cr3t\n"
    )
    node.write("/usr/lib/modprobe.d/vendor.conf", "install br_netfilter /bin/false\nsoftdep nf_nat pre: ip_nat_ftp\n")
    node.write("/run/modprobe.d/now.conf", "blacklist bridge\n")
    node.write("/etc/sysctl.d/50-site.conf", "kernel.hostname = secret-host\n\nkernel.modprobe = /bin/kmod\n")
    node.write("/etc/sysctl.conf", "vm.swappiness=1\n")
    node.write("/usr/sbin/xtables-nft-multi", "")
    node.link("/usr/sbin/iptables-nft", "xtables-nft-multi")
    node.link("/etc/alternatives/iptables", "/usr/sbin/iptables-nft")
    node.link("/usr/sbin/iptables", "/etc/alternatives/iptables")
    node.write("/usr/sbin/nft", "")
    node.write("/usr/lib/x86_64-linux-gnu/libnftables.so.1.1.0", b"\x7fELF\0libjansson.so.4\0")
    node.link("/usr/lib/x86_64-linux-gnu/libnftables.so.1", "libnftables.so.1.1.0")
    node.write("/var/lib/dpkg/status", make_dpkg_status())
    node.write("/var/lib/dpkg/info/vendor:amd64.list", "/.\n/usr/lib/modprobe.d/vendor.conf\n/usr/share/s3cr3t\n")
    node.write("/var/lib/dpkg/info/other.list", "/.\n/etc/other\n")


def make_dpkg_status() -> str:
    stanza = "Package: {}\nStatus: install ok installed\nMaintainer: s3cr3t\nVersion: {}\nDescription: x\n\n"
    packages = (("bash", "5.2"), ("kmod", "30+20221128-1"), ("nftables", "1.0.6-2"), ("iptables", "1:1.8.9-2"))
    return "".join(stanza.format(*package) for package in packages)


def write_rhel(node: RecordedNode) -> None:
    """SELinux, entries of the Boot Loader Specification, compressed modules, overrides and a policy of ours."""
    node.tree(suffix=".xz")
    node.write(f"{TREE}/config", CONFIG)
    node.write("/usr/bin/rpm", "")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    node.write("/boot/grub2/grub.cfg", 'set default="${saved_entry}"\nif x ; then {\nblscfg\n}\n')
    node.write("/boot/grub2/grubenv", f"saved_entry=abc-{RELEASE}\n")
    entry = f"title Rocky\nversion {RELEASE}\nlinux /vmlinuz-{RELEASE}\noptions token=s3cr3t\n"
    node.write(f"/boot/loader/entries/abc-{RELEASE}.conf", entry)
    node.write("/etc/selinux/config", "# comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
    node.write("/sys/fs/selinux/enforce", "1")
    node.write("/sys/fs/selinux/mls", "1")
    node.write("/sys/fs/selinux/booleans/domain_kernel_load_modules", "0 0")
    node.write("/sys/fs/selinux/class/system/index", "3")
    node.write("/sys/fs/selinux/class/system/perms/module_request", "4")
    node.write("/sys/kernel/security/lsm", "lockdown,capability,selinux")
    denial = (
        "node=web01 type=AVC msg=audit(1760000000.123:45): avc:  denied  { module_request } for  pid=1 "
        'comm="s3cr3t tool" kmod="ipt_mark" scontext=system_u:system_r:container_t:s0:c1 '
        "tcontext=system_u:system_r:kernel_t:s0 tclass=system permissive=0\n"
    )
    node.write("/var/log/audit/audit.log", "type=USER_LOGIN acct=s3cr3t\n" + denial + denial.replace("mark", "owner"))
    store = "/var/lib/selinux/targeted/active/modules"
    node.write(f"{store}/400/istio_node_prep/cil", bz2.compress(b"(allow container_t kernel_t (system (x)))\n"))
    node.write(f"{store}/100/base/cil", "s3cr3t")
    node.write(f"{store}/disabled/istio_node_prep", "")
    node.write("/usr/sbin/semodule", "")
    source = "/usr/lib/modprobe.d/dist.conf"
    node.write(source, "blacklist xt_mark\noptions x y=z\nblacklist other\n")
    override = Override("/etc/modprobe.d/dist.conf", source, ("blacklist xt_mark",))
    node.write(override.path, modprobe_overrides.render_override(override, node.path(source).read_text()))
    node.write(boot_block.PATH, boot_block.replace_block("", ["nf_nat", "xt_mark"]))


def write_alpine(node: RecordedNode) -> None:
    """OpenRC, busybox, apk, extlinux, an image without the release in its name."""
    write_interfaces(node)
    node.remove("/usr/lib/systemd/systemd-modules-load")
    release = "6.12.0-0-lts"
    node.tree(release=release, suffix=".gz")
    node.write("/proc/sys/kernel/osrelease", release + "\n")
    node.write(f"/boot/config-{release}", CONFIG)
    node.write("/run/openrc/softlevel", "")
    node.write(
        "/etc/init.d/modules", "#!/sbin/openrc-run\nPASSWORD=s3cr3t\n/etc/modules /etc/modules-load.d ##*/ modprobe\n"
    )
    node.link("/etc/runlevels/boot/modules", "/etc/init.d/modules")
    node.write("/etc/init.d/local", "#!/bin/sh\nTOKEN=s3cr3t\n")
    node.link("/etc/runlevels/default/local", "/etc/init.d/local")
    node.write("/etc/runlevels/default/nested/x", "")
    node.link("/etc/runlevels/nested/custom", "/etc/init.d/custom")
    node.write("/etc/init.d/custom", INIT_SCRIPT)
    node.write("/etc/conf.d/modules", 'modules="bridge"\nmodules_6_12="nf_nat $modules"\n')
    node.write("/etc/modules", "nf_tables\nip_set")
    node.write("/etc/inittab", "# x\n::sysinit:/sbin/openrc sysinit --key=s3cr3t\n")
    node.write("/etc/os-release", "ID=alpine\n")
    node.link("/sbin/modprobe", "/bin/busybox")
    node.write("/bin/busybox", "")
    node.write("/sbin/nft", "")
    node.write("/lib/apk/db/installed", "P:musl\nV:1.2\n\nC:x\nP:nftables\nV:1.1.1-r0\n\nP:iptables\nA:x\nV:1.8\n")
    config = "DEFAULT lts\nTIMEOUT 10\nLABEL lts\n  LINUX /boot/vmlinuz-lts\n  APPEND root=UUID=1 token=s3cr3t\n"
    node.write("/boot/extlinux.conf", config)
    node.write("/boot/vmlinuz-lts", "")


def write_sysvinit(node: RecordedNode) -> None:
    """Debian without systemd: scripts in rcS.d."""
    node.remove("/usr/lib/systemd/systemd-modules-load")
    node.tree(builtin=["kernel/net/netfilter/nfnetlink.ko"], builtin_aliases=[("nft_ct", "nft-expr-ct")])
    node.write("/proc/1/comm", "init\n")
    node.write("/etc/inittab", "si::sysinit:/etc/init.d/rcS\nid:2:initdefault:\n")
    node.write("/etc/init.d/kmod", INIT_SCRIPT)
    node.link("/etc/rcS.d/S02kmod", "../init.d/kmod")
    node.write("/etc/init.d/site", INIT_SCRIPT)
    node.link("/etc/rcS.d/S03site", "../init.d/site")
    node.write("/etc/init.d/S11modules", INIT_SCRIPT)
    node.write("/etc/modules-load.d/.hidden.conf", "br_netfilter\n")
    node.write("/etc/modules", "iptable_nat\n")


def write_void(node: RecordedNode) -> None:
    """runit, with the scripts of Void."""
    node.remove("/usr/lib/systemd/systemd-modules-load")
    node.tree(suffix=".zst")
    node.write("/run/runit/x", "")
    node.write("/etc/runit/1", "#!/bin/sh\n. /etc/runit/core-services/*.sh\n")
    node.write("/etc/runit/core-services/02-kmods.sh", INIT_SCRIPT)
    node.write("/etc/modules-load.d/x.conf", "nf_nat xt_mark\n")
    node.write("/proc/cmdline", "rd.modules-load=bridge modules-load=ip_set\n")


def write_debian_runit(node: RecordedNode) -> None:
    """runit, with Debian's scripts of sysvinit, one of which is blocked."""
    write_sysvinit(node)
    node.write("/run/runit.stopit", "")
    node.write("/etc/runit/1", "run-parts /etc/rcS.d\n")
    node.write("/etc/runit/override-sysv.d/site.block", "")


def write_busybox(node: RecordedNode) -> None:
    """The init of busybox, with the scripts of Buildroot."""
    node.remove("/usr/lib/systemd/systemd-modules-load")
    node.tree(["nf_tables"])
    node.link("/sbin/init", "/bin/busybox")
    node.write("/etc/inittab", "::sysinit:/etc/init.d/rcS --token=s3cr3t\n")
    node.write("/etc/init.d/rcS", INIT_SCRIPT)
    node.write("/etc/init.d/S11modules", INIT_SCRIPT)
    node.write("/etc/modules-load.d/x.conf", "nf_tables")


def write_nixos(node: RecordedNode) -> None:
    """Everything is a link into the store."""
    store = "/nix/store/abc-linux-6.1/lib/modules/" + RELEASE
    node.tree()
    node.path("/nix/store/abc-linux-6.1/lib").mkdir(parents=True)
    node.path("/lib/modules").rename(node.path("/nix/store/abc-linux-6.1/lib/modules"))
    assert node.path(store).is_dir()
    node.link("/run/booted-system", "/nix/store/def-nixos")
    node.link("/run/current-system", "/nix/store/def-nixos")
    node.link("/nix/store/def-nixos/kernel-modules", "/nix/store/abc-linux-6.1")
    node.write("/nix/store/def-nixos/nixos-version", "25.05")
    node.link("/nix/store/def-nixos/sw/bin/nft", "/nix/store/ghi-nftables-1.1.3/bin/nft")
    node.write("/nix/store/ghi-nftables-1.1.3/bin/nft", "")
    node.write("/nix/store/ghi-nftables-1.1.3/lib/libnftables.so.1", "libjansson.so.4")
    node.write("/nix/store/jkl-etc/etc/modules-load.d/nixos.conf", "br_netfilter\n")
    node.write("/nix/store/jkl-etc/etc/modprobe.d/nixos.conf", "blacklist bridge\n")
    node.link("/etc/static", "/nix/store/jkl-etc/etc")
    node.link("/etc/modules-load.d", "/etc/static/modules-load.d")
    node.link("/etc/modprobe.d/nixos.conf", "/etc/static/modprobe.d/nixos.conf")
    node.write("/etc/os-release", "ID=nixos\n")
    node.write("/boot/loader/loader.conf", "timeout 5\ndefault nixos-*\n")
    entry = f"title NixOS\nversion Generation 3 NixOS, Linux Kernel {RELEASE}, built\nlinux /EFI/nixos/x-bzImage.efi\n"
    node.write("/boot/loader/entries/nixos-3.conf", entry)
    node.write(
        "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", b"\7\0\0\0n\0*\0\0\0"
    )


def write_overlay(node: RecordedNode) -> None:
    """/etc is an overlay whose upper directory is in memory; one boot file comes from the image."""
    node.tree()
    node.write(
        "/proc/self/mounts",
        "overlay /etc overlay rw,lowerdir=/etc,upperdir=/mnt/state/upper,workdir=/mnt/state/work 0 0\n"
        "tmpfs /mnt/state tmpfs rw,size=1k 0 0\ntmpfs /var/secret-pod tmpfs rw 0 0\n",
    )
    node.write("/etc/modules-load.d/image.conf", "nf_nat\n")
    node.write("/etc/modules-load.d/added.conf", "xt_mark\n")
    node.write("/mnt/state/upper/modules-load.d/added.conf", "xt_mark\n")
    node.write("/proc/config.gz", gzip.compress(CONFIG.encode()))


def write_damaged(node: RecordedNode) -> None:
    """Module files that are damaged, missing, not indexed, or were built for another kernel."""
    node.tree()
    node.write(f"{TREE}/{NETFILTER}/xt_mark.ko", b"\0" * 64)
    node.write(f"{TREE}/{NETFILTER}/xt_owner.ko", module_tree.build_module("xt_owner", vermagic="6.0 SMP "))
    node.remove(f"{TREE}/{NETFILTER}/nf_nat.ko")
    node.write(f"{TREE}/extra/xt-set.ko", b"\x7fELF")
    node.write("/proc/kallsyms", "ffffffff81000000 T fib_table_lookup\nffffffff81000010 t fib4_rule_action.cold\n")


def write_signed(suffix: str) -> Callable[[RecordedNode], None]:
    """Return a function that writes a node whose kernel accepts signed modules only; one module is not signed."""

    def write(node: RecordedNode) -> None:
        node.tree(suffix=suffix)
        node.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        for name, (folder, needs, aliases) in module_tree.STANDARD.items():
            content = module_tree.build_module(name, needs, aliases)
            signed = content if name == "xt_mark" else content + SIGNATURE
            node.write(f"{TREE}/{folder}/{name}.ko{suffix}", module_tree.pack(signed, suffix))
        node.write(f"{TREE}/{NETFILTER}/xt_owner.ko{suffix}", module_tree.pack(b"x" * 99, suffix)[:20])

    return write


def write_flat(node: RecordedNode) -> None:
    """Modules lie directly in /lib/modules."""
    node.write("/lib/modules/nf_tables.ko", b"\x7fELF")


WRITERS = {
    "debian": write_debian,
    "rhel": write_rhel,
    "alpine": write_alpine,
    "sysvinit": write_sysvinit,
    "void": write_void,
    "debian with runit": write_debian_runit,
    "busybox": write_busybox,
    "nixos": write_nixos,
    "overlay": write_overlay,
    "damaged": write_damaged,
    "signed": write_signed(""),
    "signed, gzip": write_signed(".gz"),
    "signed, xz": write_signed(".xz"),
    "signed, zstd": write_signed(".zst"),
    "flat": write_flat,
}
