# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installation of what hooks blankroot-initrd into initramfs generators, and of the units. Each generator looks in
# one fixed place, whatever PREFIX is.

DRACUTDIR ?= /usr/lib/dracut/modules.d
INITCPIODIR ?= /usr/lib/initcpio
INITRAMFSTOOLSDIR ?= /usr/share/initramfs-tools
MANIFESTDIR ?= /usr/lib/blankroot
# What journalctl --catalog says; the package manager, or "journalctl --update-catalog", makes it known.
CATALOGDIR ?= /usr/lib/systemd/catalog
# What runs "blankroot check", and where systems look for what is to be run after an image was built.
CHECKDIR ?= $(LIBDIR)/blankroot
KERNELINSTALLDIR ?= /usr/lib/kernel/install.d
PACMANDIR ?= /usr/share/libalpm/hooks

# Units of the running system; they run the helper from where it is installed.
HELPER_UNITS := $(addprefix hooks/systemd/,$(if $(call is_yes,$(WITH_SYSTEMD)),blankroot-report.service) \
	blankroot-balance.service blankroot-check.service blankroot-good.service blankroot-metrics.service \
	blankroot-prune.service blankroot-scrub.service blankroot-scrub-resume.service blankroot-snapshot.service \
	blankroot-trim.service blankroot-tune.service)
define install_text
$(INSTALL) -d $(DESTDIR)$(dir $(2))
	sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@CHECKDIR@|$(CHECKDIR)|' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|' $(1) >$(DESTDIR)$(2)
	chmod $(3) $(DESTDIR)$(2)
endef
define install_unit
$(call install_text,$(1),$(UNITDIR)/$(notdir $(1)),644)
	
endef

.PHONY: install-hooks install-units
install: install-hooks install-units
install-units: install-programs
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(if $(HELPER_PRODUCT),$(foreach unit,$(HELPER_UNITS),$(call install_unit,$(unit))))
	$(INSTALL) -D -m 0644 hooks/systemd/blankroot.catalog $(DESTDIR)$(CATALOGDIR)/blankroot.catalog
	$(call install_text,hooks/check/check-before-shutdown,$(CHECKDIR)/check-before-shutdown,755)
	$(INSTALL) -D -m 0755 $(GENERATOR_PRODUCT) $(DESTDIR)$(GENERATORDIR)/blankroot-generator

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
	$(call install_text,hooks/check/check-after-build,$(CHECKDIR)/check-after-build,755)
	$(call install_text,hooks/check/hook,$(SYSCONFDIR)/initramfs/post-update.d/blankroot,755)
	$(call install_text,hooks/check/hook,$(SYSCONFDIR)/kernel/postinst.d/zzz-blankroot,755)
	$(call install_text,hooks/check/hook,$(KERNELINSTALLDIR)/99-blankroot.install,755)
	$(call install_text,hooks/check/pacman.hook,$(PACMANDIR)/95-blankroot.hook,644)
