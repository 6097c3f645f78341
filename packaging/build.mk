# SPDX-License-Identifier: GPL-2.0-or-later
#
# Objects, archives and programs of one flavour, all below $(B).

LIB_SRC := $(sort $(wildcard lib/*.c))
TOOL_SRC := $(sort $(wildcard initrd-tool/*.c))
HELPER_SRC := $(sort $(wildcard post-boot-helper/*.c))
GENERATOR_SRC := $(sort $(wildcard hooks/systemd/generator/*.c))

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

# Stands in for glibc's name service, in the static program only.
NO_NSS := $(filter %/no-nss.c,$(TOOL_SRC))
TOOL_MAIN := $(filter %/main.c,$(TOOL_SRC))
TOOL_PARTS := $(filter-out $(NO_NSS) $(TOOL_MAIN),$(TOOL_SRC))

LIBBLANKROOT := $(B)/libblankroot.a
LIBTOOLPARTS := $(B)/libblankroot-initrd.a
TOOL := $(B)/blankroot-initrd
HELPER := $(if $(HELPER_SRC),$(B)/blankroot)

GENERATOR := $(B)/blankroot-generator

PRODUCTS := $(if $(TOOL_MAIN),$(TOOL)) $(HELPER) $(GENERATOR)
ifeq ($(FLAVOUR),$(DEFAULT_FLAVOUR))
PRODUCTS := $(patsubst $(B)/%,$(BUILD)/%,$(PRODUCTS))
endif
# Libraries can be built and tested before the program exists.
PRODUCTS += $(if $(LIB_SRC),$(LIBBLANKROOT))
INITRD_PRODUCT := $(filter %/blankroot-initrd,$(PRODUCTS))
HELPER_PRODUCT := $(filter %/blankroot,$(PRODUCTS))
GENERATOR_PRODUCT := $(filter %/blankroot-generator,$(PRODUCTS))

# --- flags: a change of any of them rebuilds everything of the flavour ---

.PHONY: FORCE
FORCE:

FLAGS_TEXT = $(CC) $(ALL_CFLAGS) | $(ALL_LDFLAGS) | $(LIB_LIBS) $(HELPER_LIBS) $(LDLIBS) | $(VERSION)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_TEXT))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(FLAGS_TEXT))' >$@

# --- objects ---

$(call objects,$(TOOL_SRC) $(HELPER_SRC) $(GENERATOR_SRC)): private BR_CPPFLAGS += -DBLANKROOT_VERSION='"$(VERSION)"'

$(call objects,$(HELPER_SRC)): private BR_CPPFLAGS += $(if $(call is_yes,$(WITH_SYSTEMD)),-DWITH_SYSTEMD=1) \
	$(if $(call is_yes,$(WITH_LIBARCHIVE)),-DWITH_LIBARCHIVE=1)

$(B)/obj/%.o: %.c $(B)/flags | $(STATIC_LIBS_STAMP)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# An archive is made anew: replacing members would keep those of deleted sources.
define make_archive
$(call say,AR,$@)
$(Q)rm -f $@
$(Q)$(AR) rcsD $@ $(filter %.o,$^)
endef

$(LIBBLANKROOT): $(call objects,$(LIB_SRC)) $(B)/flags
	$(make_archive)

$(LIBTOOLPARTS): $(call objects,$(TOOL_PARTS)) $(B)/flags
	$(make_archive)

# Removed sources must not leave a stale archive behind.
$(B)/sources: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC) $(TOOL_SRC) $(HELPER_SRC) $(GENERATOR_SRC)' | cmp -s - $@ || \
		echo '$(LIB_SRC) $(TOOL_SRC) $(HELPER_SRC) $(GENERATOR_SRC)' >$@
$(LIBBLANKROOT) $(LIBTOOLPARTS): $(B)/sources

# --- programs ---

# A warning of the linker about a static program means that it needs shared objects at run time.
ifeq ($(STATIC),yes)
TOOL_LDFLAGS := -static -Wl,--fatal-warnings -Wl,-T,packaging/static.ld
TOOL_OBJ := $(call objects,$(TOOL_MAIN) $(NO_NSS))
else
TOOL_OBJ := $(call objects,$(TOOL_MAIN))
endif

$(B)/blankroot-initrd.full: $(TOOL_OBJ) $(LIBTOOLPARTS) $(LIBBLANKROOT) $(STATIC_LIBS_STAMP) \
		$(if $(call is_yes,$(STATIC)),packaging/static.ld) $(B)/flags
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(TOOL_LDFLAGS) -o $@ $(TOOL_OBJ) $(LIBTOOLPARTS) $(LIBBLANKROOT) \
		$(LIB_LIBS) $(LDLIBS)

ifeq ($(STATIC),yes)
$(B)/blankroot-initrd.debug: $(B)/blankroot-initrd.full
	$(Q)$(OBJCOPY) --only-keep-debug $< $@
$(TOOL): $(B)/blankroot-initrd.full $(B)/blankroot-initrd.debug
	$(call say,STRIP,$@)
	$(Q)$(STRIP) -s -R .comment -o $@.tmp $<
	$(Q)$(OBJCOPY) --add-gnu-debuglink=$(B)/blankroot-initrd.debug $@.tmp
	$(Q)mv $@.tmp $@
else
$(TOOL): $(B)/blankroot-initrd.full
	$(Q)ln -f $< $@
endif

ifneq ($(HELPER),)
$(HELPER): $(call objects,$(HELPER_SRC)) $(LIBBLANKROOT) $(B)/flags
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBBLANKROOT) $(HELPER_LIBS) $(LDLIBS)
endif

$(GENERATOR): $(call objects,$(GENERATOR_SRC)) $(LIBBLANKROOT) $(B)/flags
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBBLANKROOT) $(DYNAMIC_LIBS) $(LDLIBS)

ifeq ($(FLAVOUR),$(DEFAULT_FLAVOUR))
$(BUILD)/blankroot-initrd: $(TOOL)
	$(Q)cp -p --remove-destination $(TOOL).debug $(BUILD)/
	$(Q)cp -p --remove-destination $(TOOL) $@
$(BUILD)/blankroot: $(HELPER)
	$(Q)cp -p --remove-destination $< $@
$(BUILD)/blankroot-generator: $(GENERATOR)
	$(Q)cp -p --remove-destination $< $@
endif

# --- static libraries ---

ifneq ($(STATIC_LIBS_STAMP),)
$(STATIC_LIBS_STAMP): packaging/static-libs
	$(call say,LIBS,$(@D) (once; this takes a minute or two))
	$(Q)packaging/static-libs $(@D)
endif

# Those of the generator lie deepest.
-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d $(B)/obj/*/*/*/*.d)
