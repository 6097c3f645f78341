# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installation of what hooks blankroot-initrd into initramfs generators, and of the units. Each generator looks in
# one fixed place, whatever PREFIX is.

DRACUTDIR ?= /usr/lib/dracut/modules.d
INITCPIODIR ?= /usr/lib/initcpio
INITRAMFSTOOLSDIR ?= /usr/share/initramfs-tools
MANIFESTDIR ?= /usr/lib/blankroot

# Units of the running system; they run the helper from where it is installed.
HELPER_UNITS := $(addprefix hooks/systemd/,$(if $(call is_yes,$(WITH_SYSTEMD)),blankroot-report.service) \
	blankroot-good.service)
define install_unit
sed -e 's|@SBINDIR@|$(SBINDIR)|' $(1) >$(DESTDIR)$(UNITDIR)/$(notdir $(1))
	chmod 644 $(DESTDIR)$(UNITDIR)/$(notdir $(1))
	
endef

.PHONY: install-hooks install-units
install: install-hooks install-units
install-units: install-programs
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(if $(HELPER_PRODUCT),$(foreach unit,$(HELPER_UNITS),$(call install_unit,$(unit))))

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
