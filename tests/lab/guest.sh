#!/bin/sh
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Turn a Debian tree into a lab machine: guest.sh ROOT PUBLIC_KEY_FILE HOSTNAME. Runs before the kernel is installed.
set -eu
root=$1 key=$2 name=$3

# A small initramfs, because it is built and unpacked faster. The disk needs only virtio.
mkdir -p "$root/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=gzip\nBUSYBOX=n\n' >"$root/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\nvirtio_blk\next4\noverlay\n' >"$root/etc/initramfs-tools/modules"

# With lab.etc=volatile on the kernel command line, what is written to /etc is in memory, as on Container-Optimized OS.
mkdir -p "$root/etc/initramfs-tools/scripts/local-bottom"
cat >"$root/etc/initramfs-tools/scripts/local-bottom/lab" <<'SCRIPT'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
case " $(cat /proc/cmdline) " in *' lab.etc=volatile '*) ;; *) exit 0 ;; esac
modprobe overlay
mkdir -p /run/lab/upper /run/lab/work
mount -t overlay -o "lowerdir=$rootmnt/etc,upperdir=/run/lab/upper,workdir=/run/lab/work" overlay "$rootmnt/etc"
SCRIPT
chmod 0755 "$root/etc/initramfs-tools/scripts/local-bottom/lab"

echo "$name" >"$root/etc/hostname"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$key" "$root/root/.ssh/authorized_keys"

# For ifupdown, which configures the network without systemd.
mkdir -p "$root/etc/network"
printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n' >"$root/etc/network/interfaces"

units=$root/etc/systemd/system
mkdir -p "$root/etc/systemd/network" "$units/multi-user.target.wants" "$units/sysinit.target.wants"
printf '[Match]\nName=eth*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/80-lab.network"
ln -s /lib/systemd/system/systemd-networkd.service "$units/multi-user.target.wants/systemd-networkd.service"
ln -s /lib/systemd/system/multi-user.target "$units/default.target"
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
  ln -s /dev/null "$units/$unit"
done

# Until version 256 systemd itself loads ip_tables when it starts. It is unloaded before systemd-modules-load runs, so it is loaded after
# the boot only if the boot file lists it.
cat >"$units/lab-pristine.service" <<'UNIT'
[Unit]
Description=Unload the netfilter modules that systemd loaded
DefaultDependencies=no
Before=systemd-modules-load.service
[Service]
Type=oneshot
ExecStart=-/sbin/modprobe -r ip_tables
ExecStart=-/sbin/modprobe -r x_tables
UNIT
ln -s /etc/systemd/system/lab-pristine.service "$units/sysinit.target.wants/lab-pristine.service"
