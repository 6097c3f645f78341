# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzz targets: each is a tests/fuzz/fuzz-NAME.c. With SANITIZE=fuzzer-no-link,... of clang they are linked with
# libFuzzer; in every other flavour with a main that replays files, for tests/fuzz/test-corpus.sh. docs/TESTING.md
# says how to use them.

FUZZ_TARGET_SRC := $(sort $(wildcard tests/fuzz/fuzz-*.c))
FUZZ_SRC := $(filter-out $(FUZZ_TARGET_SRC) tests/fuzz/replay.c,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_PROGRAMS := $(FUZZ_TARGET_SRC:%.c=$(B)/%)
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz-%.c,%,$(FUZZ_TARGET_SRC))
LIBFUZZ := $(B)/libfuzz.a
LIBHELPERPARTS := $(B)/libblankroot-helper.a
HAS_LIBFUZZER := $(findstring fuzzer-no-link,$(SANITIZE))

# Calls of the kernel that a target replaces.
LDFLAGS_fuzz-record := -Wl,--wrap=fgetxattr,--wrap=fsetxattr
LDFLAGS_fuzz-tree := -Wl,--wrap=ioctl

$(call objects,$(FUZZ_TARGET_SRC) $(FUZZ_SRC) tests/fuzz/replay.c): private BR_CPPFLAGS += -Ipost-boot-helper -Itests/fuzz

$(LIBFUZZ): $(call objects,$(FUZZ_SRC)) $(B)/flags
	$(make_archive)

$(LIBHELPERPARTS): $(call objects,$(filter-out %/main.c,$(HELPER_SRC))) $(B)/flags
	$(make_archive)

$(FUZZ_PROGRAMS): $(B)/%: $(B)/obj/%.o $(if $(HAS_LIBFUZZER),,$(call objects,tests/fuzz/replay.c)) $(LIBFUZZ) \
		$(LIBHELPERPARTS) $(LIBBLANKROOT) $(STATIC_LIBS_STAMP) $(B)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(if $(HAS_LIBFUZZER),-fsanitize=fuzzer) $(LDFLAGS_$(@F)) -o $@ $(filter %.o,$^) \
		$(LIBFUZZ) $(LIBHELPERPARTS) $(LIBBLANKROOT) $(LIB_LIBS) $(HELPER_LIBS) $(LDLIBS)

FUZZ_KNOBS := CC=clang STATIC=no SANITIZE=fuzzer-no-link,address,undefined CFLAGS='-O2 -g'
FUZZ_COVERAGE_KNOBS := CC=clang STATIC=no SANITIZE=fuzzer-no-link COVERAGE=yes
$(if $(filter-out $(FUZZ_NAMES) reset,$(FUZZ)),$(error no such fuzz target: $(FUZZ); there are $(FUZZ_NAMES) reset))

.PHONY: fuzz fuzz-this fuzz-minimise fuzz-coverage fuzz-programs

fuzz-programs: $(FUZZ_PROGRAMS)

fuzz:
	$(Q)packaging/deps fuzz
ifneq ($(filter-out reset,$(or $(FUZZ),all)),)
	+$(Q)$(MAKE) --no-print-directory $(JOBS) $(FUZZ_KNOBS) fuzz-this
endif
ifneq ($(filter reset,$(FUZZ)),)
	+$(Q)RESETS='$(or $(FUZZ_RUNS),2000)' $(SUITE) $(SANITIZED) SHOW=1 TESTS=test-model
endif

fuzz-this: $(FUZZ_PROGRAMS)
	$(Q)FUZZ_RUNS='$(FUZZ_RUNS)' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/fuzz/run fuzz '$(B)/tests/fuzz' \
		'$(BUILD)/fuzz' $(or $(filter-out reset,$(FUZZ)),$(FUZZ_NAMES))

# The smallest inputs that reach what was reached, in place of the committed ones.
fuzz-minimise:
	+$(Q)$(MAKE) --no-print-directory $(JOBS) $(FUZZ_KNOBS) fuzz-programs
	$(Q)tests/fuzz/run minimise '$(BUILD)/clang-dynamic-fuzzer-no-link-address-undefined/tests/fuzz' \
		'$(BUILD)/fuzz' $(or $(filter-out reset,$(FUZZ)),$(FUZZ_NAMES))

fuzz-coverage:
	$(Q)packaging/deps fuzz
	+$(Q)$(MAKE) --no-print-directory $(JOBS) $(FUZZ_COVERAGE_KNOBS) fuzz-programs
	$(Q)tests/fuzz/run coverage '$(BUILD)/clang-dynamic-fuzzer-no-link-coverage/tests/fuzz' \
		'$(BUILD)/fuzz' $(or $(filter-out reset,$(FUZZ)),$(FUZZ_NAMES))
