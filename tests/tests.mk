# SPDX-License-Identifier: GPL-2.0-or-later
#
# Test programs and the targets that run them.

SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
TEST_SRC := $(sort $(wildcard tests/unit/test-*.c)) $(sort $(wildcard tests/fs/test-*.c)) \
	$(sort $(wildcard tests/crash/test-*.c)) $(sort $(wildcard tests/faults/test-*.c))
# What the tests of power cuts share, and the program beside them that records.
RECORDER_SRC := tests/crash/recorder.c tests/crash/guardian.c
CRASH_SRC := $(filter-out $(TEST_SRC) $(RECORDER_SRC),$(sort $(wildcard tests/crash/*.c)))
# What the tests of faults share; they take from those of power cuts what must be true after any accident.
FAULTS_SRC := $(filter-out $(TEST_SRC),$(sort $(wildcard tests/faults/*.c)))
TEST_SCRIPTS := $(sort $(wildcard tests/*/test-*.sh))

LIBSUPPORT := $(B)/libsupport.a
LIBCRASH := $(B)/libcrash.a
LIBFAULTS := $(B)/libfaults.a
RECORDER := $(B)/tests/crash/recorder
FAULTS_PROGRAMS := $(patsubst %.c,$(B)/%,$(filter tests/faults/%,$(TEST_SRC)))
CRASH_PROGRAMS := $(patsubst %.c,$(B)/%,$(filter tests/crash/%,$(TEST_SRC)))
TEST_PROGRAMS := $(patsubst %.c,$(B)/%,$(TEST_SRC))
CHECK_LIBS := -lcheck -lsubunit -lm -lrt -lpthread

$(call objects,$(SUPPORT_SRC) $(TEST_SRC) $(CRASH_SRC) $(FAULTS_SRC) $(RECORDER_SRC)): private \
	BR_CPPFLAGS += -Itests/support -Iinitrd-tool $(MORE_CPPFLAGS)
$(call objects,$(FAULTS_SRC) $(filter tests/faults/%,$(TEST_SRC))): private MORE_CPPFLAGS := -Itests/crash -Ipost-boot-helper
$(call objects,tests/unit/test-system-root.c): private MORE_CPPFLAGS := -Ipost-boot-helper

$(LIBSUPPORT): $(call objects,$(SUPPORT_SRC)) $(B)/flags
	$(make_archive)

$(LIBCRASH): $(call objects,$(CRASH_SRC)) $(B)/flags
	$(make_archive)

$(LIBFAULTS): $(call objects,$(FAULTS_SRC)) $(B)/flags
	$(make_archive)

$(RECORDER): $(call objects,$(RECORDER_SRC)) $(B)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -lfuse3

# A part of the helper that has a test of its own.
SYSTEM_ROOT := $(call objects,post-boot-helper/system-root.c)
$(B)/tests/unit/test-system-root: $(SYSTEM_ROOT)

# A test that needs something special has it in LDFLAGS_test-NAME, LIBS_test-NAME.
ALLOCATION_FAILURES := $(foreach name,malloc calloc realloc reallocarray strdup strndup open_memstream asprintf \
	__asprintf_chk vasprintf __vasprintf_chk,-Wl,--wrap=$(name))
LDFLAGS_test-name := $(ALLOCATION_FAILURES)
LDFLAGS_test-plan := $(ALLOCATION_FAILURES)
LDFLAGS_test-mountinfo := $(ALLOCATION_FAILURES)
LDFLAGS_test-request := $(ALLOCATION_FAILURES)
LDFLAGS_test-report := $(ALLOCATION_FAILURES)
LDFLAGS_test-memory := $(ALLOCATION_FAILURES)
LDFLAGS_test-udev := $(ALLOCATION_FAILURES)
LDFLAGS_test-clock := -Wl,--wrap=time
LDFLAGS_test-crash := -Wl,--wrap=_ck_assert_failed
LDFLAGS_test-crash-controls := $(LDFLAGS_test-crash)
LDFLAGS_test-crash-parts := $(LDFLAGS_test-crash)
LDFLAGS_test-crash-recorder := $(LDFLAGS_test-crash)
LDFLAGS_test-crash-helper := $(LDFLAGS_test-crash)
LDFLAGS_test-faults := $(LDFLAGS_test-crash)
LDFLAGS_test-helper-faults := $(LDFLAGS_test-crash)
LDFLAGS_test-no-memory := $(LDFLAGS_test-crash) $(ALLOCATION_FAILURES)
LDFLAGS_test-helper-memory := $(LDFLAGS_test-no-memory)
LDFLAGS_test-bad-disk := $(LDFLAGS_test-crash)

$(CRASH_PROGRAMS): $(LIBCRASH) $(RECORDER)
$(FAULTS_PROGRAMS): $(LIBFAULTS) $(LIBCRASH)

$(TEST_PROGRAMS): $(B)/%: $(B)/obj/%.o $(LIBSUPPORT) $(LIBTOOLPARTS) $(LIBBLANKROOT) \
		$(STATIC_LIBS_STAMP) $(B)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(LDFLAGS_$(@F)) -o $@ $< -Wl,--start-group $(filter $(SYSTEM_ROOT) $(LIBFAULTS) $(LIBCRASH),$^) \
		$(LIBSUPPORT) \
		$(LIBTOOLPARTS) $(LIBBLANKROOT) -Wl,--end-group $(LIBS_$(@F)) $(LIB_LIBS) $(CHECK_LIBS) $(LDLIBS)

# Some say something only about the product that is shipped, or about one that needs no libraries. The sanitizers make
# system calls of their own.
# The programs of accidents share code that keeps descriptions until the process ends, which the leak sanitizer
# does not forgive: they run with the product as it is shipped.
ONLY_DEFAULT := $(B)/tests/unit/test-libkmod $(CRASH_PROGRAMS) $(FAULTS_PROGRAMS) tests/cli/test-size.sh tests/cli/test-docs.sh tests/cli/test-docs-commands.sh \
	tests/fs/test-sandbox.sh \
	$(filter tests/boot/% tests/nixos/%,$(TEST_SCRIPTS))
ONLY_STATIC := tests/fs/test-smoke.sh
# Faults are how most error paths are reached.
ifeq ($(COVERAGE),yes)
ONLY_DEFAULT := $(filter-out $(FAULTS_PROGRAMS),$(ONLY_DEFAULT))
endif

include tests/fuzz/fuzz.mk

# It runs the helper's commands in its own process.
$(B)/tests/faults/test-helper-memory: $(LIBHELPERPARTS)
LIBS_test-helper-memory = $(LIBHELPERPARTS) $(LIBBLANKROOT) $(HELPER_LIBS)

include tests/coverage/coverage.mk

# Programs first, unit before fs, then scripts.
ALL_TESTS := $(filter-out $(if $(filter-out $(DEFAULT_FLAVOUR),$(FLAVOUR)),$(ONLY_DEFAULT)) \
	$(if $(call is_yes,$(STATIC)),,$(ONLY_STATIC)),$(TEST_PROGRAMS) $(TEST_SCRIPTS))

# TESTS names them by their base names, with or without .sh.
is_selected = $(if $(TESTS),$(filter $(TESTS),$(notdir $(1)) $(basename $(notdir $(1)))),$(1))
SELECTED := $(strip $(foreach test,$(ALL_TESTS),$(if $(call is_selected,$(test)),$(test))))
UNKNOWN_TESTS := $(filter-out $(notdir $(TEST_SRC:.c=) $(TEST_SCRIPTS) $(TEST_SCRIPTS:.sh=)),$(TESTS))
$(if $(UNKNOWN_TESTS),$(error no such test: $(UNKNOWN_TESTS)))

# The suites of several flavours are built with all processors, one after another. Then they run side by side: most
# tests wait for the disk, and none uses more than one processor for long. A FURTHER one may find that none of TESTS
# is for its flavour; what it has to say comes after the first one has ended.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SUITE = $(MAKE) --no-print-directory $(JOBS) check-this
SANITIZED := STATIC=no SANITIZE=address,undefined
# Of what runs for hours none is killed because it takes longer than a test may.
HOURS = TEST_SECONDS='$(or $(TEST_SECONDS),86400)'

.PHONY: check check-selected check-this check-ansible check-asan check-crash check-faults check-flavours check-boot check-programs smoke size bench bench-boot demo

check-programs: $(filter-out $(TEST_SCRIPTS),$(ALL_TESTS))

# All that a suite needs, without running it.
check-selected: $(filter-out $(TEST_SCRIPTS),$(SELECTED)) $(if $(filter %/test-corpus.sh,$(SELECTED)),$(FUZZ_PROGRAMS)) $(PRODUCTS)

check-this: check-selected
	$(Q)$(if $(FURTHER),[ -n '$(SELECTED)' ] || exit 0; )\
		BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		BLANKROOT_GENERATOR='$(abspath $(GENERATOR_PRODUCT))' BLANKROOT_STATIC='$(STATIC)' BLANKROOT_SYSTEMD='$(WITH_SYSTEMD)' BLANKROOT_ARCHIVE='$(WITH_LIBARCHIVE)' BLANKROOT_BUILD='$(abspath $(B))/scratch' \
		BLANKROOT_FUZZ='$(abspath $(B))/tests/fuzz' KEEP='$(KEEP)' REQUIRE='$(REQUIRE)' SHOW='$(SHOW)' \
		tests/run '$(FLAVOUR)' $(SELECTED)

check:
	$(Q)packaging/deps check
	+$(Q)$(MAKE) --no-print-directory $(JOBS) all check-selected
	+$(Q)$(MAKE) --no-print-directory $(JOBS) check-selected $(SANITIZED)
	+$(Q)further=$$(mktemp); { $(SUITE) $(SANITIZED) FURTHER=1 >"$$further" 2>&1; echo $$? >"$$further.status"; } & \
		$(SUITE); status=$$?; wait; cat "$$further"; \
		[ "$$(cat "$$further.status")" -eq 0 ] || status=1; rm -f "$$further" "$$further.status"; exit $$status

check-asan:
	$(Q)packaging/deps check
	+$(Q)$(SUITE) $(SANITIZED)

check-crash:
	$(Q)packaging/deps check
	+$(Q)BLANKROOT_CRASH=full $(SUITE) $(HOURS) SHOW=1 TESTS='$(notdir $(CRASH_PROGRAMS))'

check-faults:
	$(Q)packaging/deps check
	+$(Q)BLANKROOT_FAULTS=full $(SUITE) $(HOURS) SHOW=1 TESTS='$(notdir $(FAULTS_PROGRAMS))'

check-flavours:
	$(Q)packaging/deps flavours
	+$(Q)$(SUITE) STATIC=no WITH_KMOD=no
	+$(Q)$(SUITE) CC=clang FURTHER=1

# The other knobs of tests/boot/lib/suite.sh are taken from the environment, or from make's command line.
check-boot:
	$(Q)packaging/deps boot
	+$(Q)BOOT_CELLS='$(or $(BOOT_CELLS),all)' $(SUITE) TESTS='$(or $(TESTS),$(notdir $(filter tests/boot/%,$(TEST_SCRIPTS))))'

# Not a part of check: Ansible is much to install for one role.
check-ansible: $(PRODUCTS)
	$(Q)packaging/deps ansible
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		BLANKROOT_BUILD='$(abspath $(B))/scratch' REQUIRE='$(REQUIRE)' SHOW='$(SHOW)' \
		tests/run ansible tests/ansible/check-role.sh

smoke:
	$(Q)$(MAKE) --no-print-directory check-this TESTS=test-smoke

size: $(INITRD_PRODUCT)
	$(Q)BLANKROOT_INITRD='$(INITRD_PRODUCT)' tests/cli/test-size.sh

# The other knobs of tests/bench/run are taken from the environment, or from make's command line.
BENCH_FORM = $(if $(filter-out 0,$(QUICK)),quick,full)

bench: $(PRODUCTS)
	$(Q)packaging/deps bench $(if $(filter full,$(BENCH_FORM)),modes)
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		BLANKROOT_BUILD='$(abspath $(B))/scratch' tests/bench/run $(BENCH_FORM) $(BUILD)/bench

bench-boot: $(PRODUCTS)
	$(Q)packaging/deps boot
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT_BUILD='$(abspath $(B))/scratch' \
		unshare --mount --propagation private tests/boot/bench-boot

# The libraries for a static program take minutes to build: the demonstration does without, unless they are there.
DEMO_KNOBS := $(if $(filter file,$(origin STATIC)),$(if $(STATIC_LIBS_STAMP),$(if \
	$(wildcard $(STATIC_LIBS_STAMP)),,STATIC=no)))

.PHONY: demo-this
demo:
	$(Q)packaging/deps demo
	$(Q)$(MAKE) --no-print-directory $(JOBS) $(DEMO_KNOBS) demo-this

demo-this: $(PRODUCTS)
	$(Q)BLANKROOT_INITRD='$(abspath $(INITRD_PRODUCT))' BLANKROOT='$(abspath $(HELPER_PRODUCT))' \
		docs/demo.sh
