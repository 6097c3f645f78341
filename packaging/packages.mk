# SPDX-License-Identifier: GPL-2.0-or-later
#
# Source archive and packages, from the committed files.

DIST := $(BUILD)/blankroot-$(VERSION).tar.gz
DEB_DIR := $(BUILD)/deb
DEB_SOURCE := $(DEB_DIR)/blankroot-$(VERSION)

.PHONY: dist deb check-packages

# The same bytes each time: times are the commit's, and gzip notes none.
dist:
	$(Q)mkdir -p $(BUILD)
	$(Q)git -c safe.directory="$(CURDIR)" archive --prefix=blankroot-$(VERSION)/ HEAD | gzip -9n >$(DIST).new
	$(Q)mv $(DIST).new $(DIST)
	@echo $(DIST)

# blankroot-initrd in it is static where static libraries can be built.
deb: dist $(STATIC_LIBS_STAMP)
	$(Q)packaging/deps package
	$(Q)rm -rf $(DEB_DIR)
	$(Q)mkdir -p $(DEB_DIR)
	$(Q)tar -xf $(DIST) -C $(DEB_DIR)
	$(Q)cp -a $(DEB_SOURCE)/packaging/debian $(DEB_SOURCE)/debian
	$(Q)cd $(DEB_SOURCE) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		$(if $(STATIC_LIBS_STAMP),BLANKROOT_STATIC_LIBS=$(abspath $(STATIC_LIBS_DIR))) \
		dpkg-buildpackage -us -uc -b $(JOBS) >$(abspath $(DEB_DIR))/build.log 2>&1 || \
		{ tail -n 30 $(abspath $(DEB_DIR))/build.log >&2; exit 1; }
	@ls $(DEB_DIR)/*.deb

# Packages that were built: lintian; installed, upgraded, removed and purged in a clean Debian; those of Arch and Fedora are
# built as far as that goes here. Needs root.
check-packages: deb $(PRODUCTS)
	$(Q)BLANKROOT_DEB='$(abspath $(DEB_DIR))' BLANKROOT_DIST='$(abspath $(DIST))' \
		BLANKROOT_BUILD='$(abspath $(BUILD))/scratch' BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' \
		BLANKROOT='$(abspath $(HELPER_PRODUCT))' REQUIRE='$(REQUIRE)' \
		tests/run packages tests/packages/dist.sh tests/packages/debian.sh tests/packages/arch.sh tests/packages/rpm.sh
