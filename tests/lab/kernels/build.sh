#!/bin/sh
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Build a kernel: build.sh SOURCE_PACKAGE RESULT FRAGMENT... The kernel has the options of the fragments and nothing else; a later fragment
# takes precedence. RESULT then has vmlinuz, config, and lib/modules if the kernel has modules.
set -eu
package=$(realpath "$1") result=$(realpath "$2")
shift 2
work=$result/work
mkdir -p "$work" "$result/lib"
cat "$@" >"$work/wanted"

dpkg-deb --fsys-tarfile "$package" | tar --extract --to-stdout --wildcards './usr/src/linux-source-*.tar.xz' |
  tar --extract --xz --directory "$work" --one-top-level=source --strip-components=1

run_make() {
  nice -n 10 make --silent --jobs="$(nproc)" --directory "$work/source" O="$work" "$@"
}

run_make KCONFIG_ALLCONFIG="$work/wanted" allnoconfig
# Kconfig ignores an option that does not exist or whose dependencies are missing. Without CONFIG_MODULES, "m" becomes "y".
awk '
  FILENAME == ARGV[1] && /^CONFIG_/ { name = $0; sub(/=.*/, "", name); wanted[name] = substr($0, length(name) + 2) }
  FILENAME == ARGV[1] && /^# CONFIG_.* is not set$/ { wanted[$2] = "n" }
  FILENAME == ARGV[2] && /^CONFIG_/ { name = $0; sub(/=.*/, "", name); found[name] = substr($0, length(name) + 2) }
  END {
    for (name in wanted) {
      value = name in found ? found[name] : "n"
      if (value != wanted[name] && !(wanted[name] == "m" && value == "y" && wanted["CONFIG_MODULES"] == "n")) {
        print name ": the fragments set " wanted[name] ", but the configuration has " value "; correct tests/lab/kernels"
        status = 1
      }
    }
    exit status
  }' "$work/wanted" "$work/.config" >&2

run_make bzImage
if grep -q '^CONFIG_MODULES=y' "$work/.config"; then
  run_make modules
  run_make modules_install INSTALL_MOD_PATH="$result"
  find "$result/lib/modules" -type l -delete
fi
cp "$work/arch/x86/boot/bzImage" "$result/vmlinuz"
cp "$work/.config" "$result/config"
rm -rf "$work"
