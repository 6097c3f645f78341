# SPDX-License-Identifier: GPL-2.0-or-later
#
# make lint, make format. Each part can be run alone: make lint-tidy ...

C_SRC := $(LIB_SRC) $(TOOL_SRC) $(HELPER_SRC) $(GENERATOR_SRC) $(SUPPORT_SRC) $(TEST_SRC) \
	$(CRASH_SRC) $(FAULTS_SRC) $(RECORDER_SRC) $(FUZZ_TARGET_SRC) $(FUZZ_SRC) tests/fuzz/replay.c
C_FILES := $(C_SRC) $(sort $(wildcard lib/*.h initrd-tool/*.h post-boot-helper/*.h hooks/systemd/generator/*.h tests/*/*.h))
LINT_CPPFLAGS := -D_GNU_SOURCE -DWITH_KMOD=1 -DWITH_SYSTEMD=1 -DWITH_LIBARCHIVE=1 -DBLANKROOT_VERSION='"$(VERSION)"' -Ilib -Iinitrd-tool \
	-Itests/support -Itests/crash -Ipost-boot-helper -Ihooks/systemd/generator -Itests/fuzz
LINT_PARTS := lint-format lint-sizes lint-headers lint-shell lint-cppcheck lint-tidy

.PHONY: lint format $(LINT_PARTS)

# All parts say what they found, also when an earlier one failed.
lint:
	$(Q)packaging/deps lint
	$(Q)$(MAKE) --no-print-directory --keep-going $(LINT_PARTS)

format:
	clang-format -i $(C_FILES)

lint-format:
	$(call say,LINT,clang-format)
	$(Q)bad=0; for file in $(C_FILES); do \
		clang-format "$$file" | cmp -s - "$$file" || { echo "$$file: not formatted: make format"; bad=1; }; \
	done; exit $$bad

lint-sizes:
	$(call say,LINT,sizes)
	$(Q)tests/lint/sizes $(C_FILES)

lint-headers:
	$(call say,LINT,header comments)
	$(Q)tests/lint/header-comments $(wildcard lib/*.h)

lint-shell:
	$(call say,LINT,shellcheck)
	$(Q)tests/lint/shell

# Not its search for leaks: it does not know __attribute__((cleanup)). The leak sanitizer does that.
lint-cppcheck:
	$(call say,LINT,cppcheck)
	$(Q)cppcheck -j2 --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak \
		'-DSTART_TEST(name)=static void name(int _i)' -DEND_TEST= $(LINT_CPPFLAGS) $(C_SRC)

# The product alone: in the tests its path analysis does not follow the assertions of check.
lint-tidy:
	$(call say,LINT,clang-tidy)
	$(Q)printf '%s\n' $(LIB_SRC) $(TOOL_SRC) $(HELPER_SRC) $(GENERATOR_SRC) | xargs -P 2 -n 1 sh -c \
		'clang-tidy --quiet "$$@" -- -std=gnu11 $(subst ','\'',$(LINT_CPPFLAGS)) 2>/dev/null' clang-tidy
