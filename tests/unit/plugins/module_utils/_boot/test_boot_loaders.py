# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The menus of boot loaders: their default entry, and the kernels that they know."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_loaders

OLD, NEW = "6.1.0-41-amd64", "6.1.0-42-amd64"
# As grub-mkconfig of Debian writes it: an entry for the newest kernel, and a submenu with all of them.
DEBIAN_HEAD = """if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="{default}"
fi
function savedefault {{
  if [ -z "${{boot_once}}" ]; then
    saved_entry="${{chosen}}"
  fi
}}
"""
DEBIAN_MENU = """menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {{
    if [ x$grub_platform = xxen ]; then insmod xzio; fi
    linux /boot/vmlinuz-{new} root=/dev/vda1 ro
    initrd /boot/initrd.img-{new}
}}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {{
    menuentry 'Debian, with Linux {new}' --class debian $menuentry_id_option 'gnulinux-{new}-advanced-1' {{
        linux /boot/vmlinuz-{new} root=/dev/vda1 ro
    }}
    menuentry 'Debian, with Linux {old}' --class debian $menuentry_id_option 'gnulinux-{old}-advanced-1' {{
        linux /boot/vmlinuz-{old} root=/dev/vda1 ro
    }}
}}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {{
    fwsetup
}}
""".format(new=NEW, old=OLD)
FEDORA = """if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="${saved_entry}"
fi
if [ "${boot_counter}" = "0" ]; then
  set default=1
fi
insmod blscfg
blscfg
"""
ENTRY = "title Fedora Linux ({0})\nversion {0}\nlinux /vmlinuz-{0}\n"


def read(node, installed=()):
    (menu,) = boot_loaders.read_menus(node.files, installed)
    return menu


def debian(default):
    return DEBIAN_HEAD.format(default=default) + DEBIAN_MENU


@pytest.mark.parametrize(
    "default, release",
    [
        ("0", NEW),
        ("gnulinux-simple-1", NEW),
        ("Debian GNU/Linux", NEW),
        ("1>1", OLD),
        ("gnulinux-advanced-1>gnulinux-{}-advanced-1".format(OLD), OLD),
        ("Advanced options>Debian, with Linux {}".format(OLD), OLD),
        # A submenu, the firmware's setup, and entries that do not exist.
        ("1", None),
        ("2", None),
        ("7", None),
        ("1>9", None),
        ("gone", None),
    ],
)
def test_the_default_of_grub_is_a_number_a_title_an_id_or_a_path(node, default, release):
    node.write("/boot/grub/grub.cfg", debian(default))
    menu = read(node)
    assert menu == ("default entry in /boot/grub/grub.cfg", release, {OLD, NEW})


def test_a_menu_with_thousands_of_nested_submenus_is_read(node):
    depth = 5000
    entry = "menuentry 'Debian' {{\nlinux /boot/vmlinuz-{}\n}}\n".format(NEW)
    node.write("/boot/grub/grub.cfg", "submenu 'More' {\n" * depth + entry + "}\n" * depth)
    assert read(node).releases == {NEW}


def test_the_variables_of_grub_choose_the_entry(node):
    node.write("/boot/grub/grub.cfg", debian("${saved_entry}"))
    assert read(node).release is None
    node.write("/boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=1>1\n####")
    assert read(node)[:2] == ("saved_entry in /boot/grub/grubenv", OLD)
    node.write("/boot/grub/grubenv", "saved_entry=1>1\nnext_entry=gnulinux-simple-1\n")
    assert read(node)[:2] == ("next_entry in /boot/grub/grubenv", NEW)


def test_a_saved_entry_does_not_count_if_the_configuration_has_another_default(node):
    node.write("/boot/grub/grub.cfg", debian("0"))
    node.write("/boot/grub/grubenv", "saved_entry=1>1\n")
    assert read(node).release == NEW


def test_a_default_that_depends_on_a_condition_is_unknown(node):
    node.write("/boot/grub/grub.cfg", 'if [ x = y ]; then\nset default="1>1"\nfi\n' + debian("0"))
    assert read(node).release is None


def test_without_a_default_grub_starts_the_first_entry(node):
    node.write("/boot/grub2/grub.cfg", DEBIAN_MENU)
    assert read(node).release == NEW


@pytest.mark.parametrize("has_config", [True, False])
def test_grub_reads_the_entries_of_the_boot_loader_specification(node, has_config):
    if has_config:
        node.write("/boot/grub2/grub.cfg", FEDORA)
    node.write("/boot/grub2/grubenv", "saved_entry=0123-{}\nboot_success=1\n".format(OLD))
    for release in (OLD, NEW):
        node.write("/boot/loader/entries/0123-{}.conf".format(release), ENTRY.format(release))
    node.write("/boot/loader/entries/0123-0-rescue.conf", ENTRY.format("0-rescue-0123"))
    assert read(node) == ("saved_entry in /boot/grub2/grubenv", OLD, {OLD, NEW})
    # The order of these entries is GRUB's.
    node.write("/boot/grub2/grubenv", "saved_entry=0\n")
    assert read(node).release is None


def test_an_unreadable_configuration_of_grub_decides_nothing(node, forbid):
    node.write("/boot/grub2/grub.cfg", FEDORA)
    node.write("/boot/grub2/grubenv", "saved_entry=a\n")
    node.write("/boot/loader/entries/a.conf", ENTRY.format(OLD))
    assert read(node).release == OLD
    forbid("/boot/grub2/grub.cfg")
    assert read(node).release is None


def test_entries_alone_have_no_default(node):
    node.write("/boot/loader/entries/a.conf", ENTRY.format(OLD))
    assert read(node) == ("/boot/loader/entries", None, {OLD})


@pytest.mark.parametrize("partition", ["/boot", "/efi", "/boot/efi"])
@pytest.mark.parametrize(
    "default, release",
    [
        ("default 0123-{}.conf".format(OLD), OLD),
        ("default 0123-{}*".format(NEW), NEW),
        ("default 0123-*", None),
        ("default @saved", None),
        ("timeout 3", None),
    ],
)
def test_the_default_of_systemd_boot_is_a_pattern(node, partition, default, release):
    node.write(partition + "/loader/loader.conf", default + "\n")
    node.write("{}/loader/entries/0123-{}.conf".format(partition, OLD), ENTRY.format(OLD))
    # With a boot counter, and an image in a directory of the release (kernel-install).
    node.write(
        "{}/loader/entries/0123-{}+2-1.conf".format(partition, NEW), "title x\nlinux /0123/{}/linux\n".format(NEW)
    )
    menu = next(menu for menu in boot_loaders.read_menus(node.files, []) if "loader.conf" in menu.source)
    assert menu == ("default in {}/loader/loader.conf".format(partition), release, {OLD, NEW})


def test_the_variables_of_the_firmware_come_before_the_configuration_of_systemd_boot(node):
    node.write("/efi/loader/loader.conf", "default a*\n")
    node.write("/efi/loader/entries/a.conf", ENTRY.format(OLD))
    node.write("/efi/EFI/Linux/debian-{}.efi".format(NEW), "")
    assert read(node, [OLD, NEW]).release == OLD
    value = "debian-{}.efi\0".format(NEW).encode("utf-16-le")
    node.write(boot_loaders.EFI_DEFAULTS[1], b"\x07\0\0\0" + value)
    assert read(node, [OLD, NEW]) == ("EFI variable LoaderEntryDefault", NEW, {OLD, NEW})


@pytest.mark.parametrize("path", boot_loaders.EXTLINUX_CONFIGS)
@pytest.mark.parametrize(
    "text, release",
    [
        ("DEFAULT l0\nLABEL l0\n  MENU LABEL x\n  LINUX /boot/vmlinuz-{0}\nLABEL l1\n  LINUX ../vmlinuz-{1}\n", NEW),
        ("default l1\nlabel l0\n  kernel /vmlinuz-{0}\nlabel l1\n  kernel ../vmlinuz-{1}\n  append x\n", OLD),
        ("label l0\n  linux /vmlinuz-{0}\nlabel l1\n  linux /vmlinuz-{1}\n", None),
        ("default gone\nlabel l0\n  linux /vmlinuz-{0}\nlabel l1\n  linux /vmlinuz-{1}\n", None),
    ],
)
def test_the_default_of_extlinux_is_a_label(node, path, text, release):
    node.write(path, text.format(NEW, OLD))
    assert read(node) == ("default label in " + path, release, {OLD, NEW})


def test_the_only_label_of_extlinux_is_its_default(node):
    node.write("/boot/extlinux/extlinux.conf", "label l0\n  linux /vmlinuz-{}\n".format(OLD))
    assert read(node).release == OLD


def test_an_image_without_a_release_in_its_name_is_found_by_the_flavour_of_a_kernel(node):
    node.write("/boot/extlinux.conf", "default lts\nlabel lts\n  linux vmlinuz-lts\n")
    assert read(node, ["6.6.50-0-lts", "6.6.50-0-virt"]).release == "6.6.50-0-lts"
    assert read(node, ["6.6.49-0-lts", "6.6.50-0-lts"]).release is None
    node.write("/boot/extlinux.conf", "default a\nlabel a\n  linux /vmlinuz-linux\n")
    assert read(node, ["6.10.6-arch1-1"]).release is None
    node.write("/lib/modules/6.10.6-arch1-1/pkgbase", "linux\n")
    assert read(node, ["6.10.6-arch1-1"]).release == "6.10.6-arch1-1"


def test_nixos_names_the_release_in_a_sentence_or_within_the_name_of_the_image(node):
    node.write("/boot/grub/grub.cfg", "menuentry 'NixOS' {\n linux ($drive1)//kernels/0a1b-linux-6.11.5-bzImage\n}\n")
    assert read(node).release == "6.11.5"
    node.remove("/boot/grub/grub.cfg")
    node.write("/boot/loader/loader.conf", "default nixos-generation-7.conf\n")
    text = "title NixOS\nversion Generation 7 NixOS 24.11, Linux Kernel 6.12.1, built on 2025-01-01\nlinux /EFI/x.efi\n"
    node.write("/boot/loader/entries/nixos-generation-7.conf", text)
    menus = boot_loaders.read_menus(node.files, [])
    assert [menu.release for menu in menus if menu.release] == ["6.12.1"]


def test_an_image_may_be_a_link(node):
    node.write("/boot/extlinux/extlinux.conf", "default a\nlabel a\n  linux /Image\n")
    assert read(node).release is None
    node.link("/boot/Image", "Image-5.10.160-rockchip")
    assert read(node).release == "5.10.160-rockchip"


def test_the_images_in_boot_are_those_with_a_release_in_their_names(node):
    for name in ("vmlinuz-" + OLD, "Image-5.10.160", "initrd.img-" + NEW, "vmlinuz-0-rescue-0123", "kernel8.img"):
        node.write("/boot/" + name, "")
    node.link("/boot/vmlinuz-" + NEW, "gone")
    assert boot_loaders.list_images(node.files) == {OLD, "5.10.160"}


def test_without_a_boot_loader_there_is_no_menu(node):
    assert boot_loaders.read_menus(node.files, []) == []
