#!/bin/sh
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Take a module out of the running kernel and hide its file, or bring it back: without.sh hide|restore MODULE
set -eu
unload() {
  [ -d "/sys/module/$1" ] || return 0
  for holder in "/sys/module/$1/holders"/*; do
    [ -e "$holder" ] && unload "${holder##*/}"
  done
  # Rules of a namespace that has just ended hold the module for a moment more.
  for _ in 1 2 3 4 5 6 7 8 9; do
    rmmod "$1" 2>/dev/null && return 0
    sleep 0.3
  done
  rmmod "$1"
}
file=$(find "/lib/modules/$(uname -r)/kernel" -regex ".*/$2\.ko\(\.[a-z]+\)?\(\.hidden\)?")
case $1 in
  hide)
    unload "$2"
    mv "$file" "$file.hidden"
    ;;
  restore) mv "$file" "${file%.hidden}" ;;
esac
