# SPDX-License-Identifier: GPL-2.0-or-later
#
# Test programs and the targets that run them.

SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
TEST_SRC := $(sort $(wildcard tests/unit/test-*.c)) $(sort $(wildcard tests/fs/test-*.c))
TEST_SCRIPTS := $(sort $(wildcard tests/*/test-*.sh))

LIBSUPPORT := $(B)/libsupport.a
TEST_PROGRAMS := $(patsubst %.c,$(B)/%,$(TEST_SRC))
CHECK_LIBS := -lcheck -lsubunit -lm -lrt -lpthread

$(call objects,$(SUPPORT_SRC) $(TEST_SRC)): private BR_CPPFLAGS += -Itests/support -Iinitrd-tool

$(LIBSUPPORT): $(call objects,$(SUPPORT_SRC)) $(B)/flags
	$(make_archive)

# A test that needs something special has it in LDFLAGS_test-NAME, LIBS_test-NAME.
$(TEST_PROGRAMS): $(B)/%: $(B)/obj/%.o $(LIBSUPPORT) $(LIBTOOLPARTS) $(LIBBLANKROOT) \
		$(STATIC_LIBS_STAMP) $(B)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(LDFLAGS_$(@F)) -o $@ $< -Wl,--start-group $(LIBSUPPORT) \
		$(LIBTOOLPARTS) $(LIBBLANKROOT) -Wl,--end-group $(LIBS_$(@F)) $(LIB_LIBS) $(CHECK_LIBS) $(LDLIBS)

# Programs first, unit before fs, then scripts. Some say something only about the product that is shipped.
ONLY_DEFAULT := tests/cli/test-size.sh $(filter tests/boot/%,$(TEST_SCRIPTS))
ALL_TESTS := $(TEST_PROGRAMS) \
	$(filter-out $(if $(filter-out $(DEFAULT_FLAVOUR),$(FLAVOUR)),$(ONLY_DEFAULT)),$(TEST_SCRIPTS))

# TESTS names them by their base names, with or without .sh.
is_selected = $(or $(if $(TESTS),,all),$(filter $(TESTS),$(notdir $(1)) $(basename $(notdir $(1)))))
SELECTED := $(strip $(foreach test,$(ALL_TESTS),$(if $(call is_selected,$(test)),$(test))))
UNKNOWN_TESTS := $(filter-out $(notdir $(TEST_SRC:.c=) $(TEST_SCRIPTS) $(TEST_SCRIPTS:.sh=)),$(TESTS))
$(if $(UNKNOWN_TESTS),$(error no such test: $(UNKNOWN_TESTS)))

# The suites of several flavours run one after another, each built with all processors.
JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SUITE := $(MAKE) --no-print-directory $(JOBS) check-this

.PHONY: check check-this check-asan check-flavours check-programs smoke size bench demo

check-programs: $(TEST_PROGRAMS)

check-this: $(filter-out $(TEST_SCRIPTS),$(SELECTED)) $(PRODUCTS)
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		BLANKROOT_STATIC='$(STATIC)' BLANKROOT_BUILD='$(abspath $(B))/scratch' \
		KEEP='$(KEEP)' REQUIRE='$(REQUIRE)' tests/run '$(FLAVOUR)' $(SELECTED)

check:
	$(Q)packaging/deps check
	$(Q)$(SUITE)
	$(Q)$(SUITE) STATIC=no SANITIZE=address,undefined

check-asan:
	$(Q)packaging/deps check
	$(Q)$(SUITE) STATIC=no SANITIZE=address,undefined

check-flavours:
	$(Q)packaging/deps flavours
	$(Q)$(SUITE) STATIC=no
	$(Q)$(SUITE) WITH_KMOD=no
	$(Q)$(SUITE) CC=clang

smoke size:
	$(Q)$(MAKE) --no-print-directory check-this TESTS=test-$@

bench: $(PRODUCTS)
	$(Q)for bench in $(or $(sort $(wildcard tests/bench/bench-*)),$(error there is nothing in tests/bench)); do \
		BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT_BUILD='$(abspath $(B))/scratch' \
		$$bench || exit; \
	done

demo:
	$(Q)packaging/deps demo
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		docs/demo.sh
