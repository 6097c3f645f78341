# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installation of what hooks blankroot-initrd into initramfs generators. Each looks in one fixed place, whatever
# PREFIX is.

DRACUTDIR ?= /usr/lib/dracut/modules.d
INITCPIODIR ?= /usr/lib/initcpio
INITRAMFSTOOLSDIR ?= /usr/share/initramfs-tools
MANIFESTDIR ?= /usr/lib/blankroot

.PHONY: install-hooks
install: install-hooks
install-hooks:
	$(INSTALL) -d $(DESTDIR)$(MANIFESTDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DRACUTDIR)/90blankroot \
		$(DESTDIR)$(INITCPIODIR)/install $(DESTDIR)$(INITCPIODIR)/hooks \
		$(DESTDIR)$(INITRAMFSTOOLSDIR)/hooks $(DESTDIR)$(INITRAMFSTOOLSDIR)/scripts/local-premount
	sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@UNITDIR@|$(UNITDIR)|' hooks/initramfs.manifest \
		>$(DESTDIR)$(MANIFESTDIR)/initramfs.manifest
	chmod 644 $(DESTDIR)$(MANIFESTDIR)/initramfs.manifest
	$(INSTALL) -m 644 hooks/systemd/blankroot-reset.service $(DESTDIR)$(UNITDIR)/
	$(INSTALL) -m 755 dracut-module/module-setup.sh dracut-module/blankroot-reset.sh \
		$(DESTDIR)$(DRACUTDIR)/90blankroot/
	$(INSTALL) -m 644 hooks/mkinitcpio/install $(DESTDIR)$(INITCPIODIR)/install/blankroot
	$(INSTALL) -m 644 hooks/mkinitcpio/hook $(DESTDIR)$(INITCPIODIR)/hooks/blankroot
	$(INSTALL) -m 755 hooks/initramfs-tools/hook $(DESTDIR)$(INITRAMFSTOOLSDIR)/hooks/blankroot
	$(INSTALL) -m 755 hooks/initramfs-tools/local-premount \
		$(DESTDIR)$(INITRAMFSTOOLSDIR)/scripts/local-premount/blankroot
