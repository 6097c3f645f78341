# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install. Other folders add to install-extra in their own install.mk.

.PHONY: install install-programs install-man install-completions install-presets install-extra
install: install-programs install-man install-completions install-presets install-extra
install-extra:

install-programs: $(PRODUCTS)
	$(if $(INITRD_PRODUCT),$(INSTALL) -D -m 0755 $(INITRD_PRODUCT) $(DESTDIR)$(SBINDIR)/blankroot-initrd)
	$(if $(HELPER_PRODUCT),$(INSTALL) -D -m 0755 $(HELPER_PRODUCT) $(DESTDIR)$(SBINDIR)/blankroot)

MAN8 := $(wildcard docs/man/*.8)
MAN5 := $(wildcard docs/man/*.5)
install-man:
	$(if $(MAN8),$(INSTALL) -D -m 0644 -t $(DESTDIR)$(MANDIR)/man8 $(MAN8))
	$(if $(MAN5),$(INSTALL) -D -m 0644 -t $(DESTDIR)$(MANDIR)/man5 $(MAN5))

# bash and fish look for a file with the name of the program; zsh reads all that it finds, and sees in the first line for
# what.
install-completions:
	$(INSTALL) -D -m 0644 packaging/completions/blankroot.bash $(DESTDIR)$(BASHCOMPDIR)/blankroot
	ln -sf blankroot $(DESTDIR)$(BASHCOMPDIR)/blankroot-initrd
	$(INSTALL) -D -m 0644 packaging/completions/blankroot.zsh $(DESTDIR)$(ZSHCOMPDIR)/_blankroot
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(FISHCOMPDIR) packaging/completions/blankroot.fish \
		packaging/completions/blankroot-initrd.fish

# blankroot looks for them beside the directory that it is in.
install-presets:
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(PRESETDIR) $(wildcard packaging/presets/*.conf)
