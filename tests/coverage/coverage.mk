# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests reach of the product, in a flavour of its own: docs/TESTING.md. The counters of each program are a
# file that all its processes map, wherever they run and however they end.

COVERAGE_KNOBS := CC=clang STATIC=no COVERAGE=yes
COVERAGE_DIR := $(BUILD)/coverage
# Not the programs, which leave out what they do not need.
COVERAGE_OBJECTS := $(call objects,$(LIB_SRC) $(filter-out $(NO_NSS),$(TOOL_SRC)) $(HELPER_SRC))

.PHONY: coverage coverage-this

coverage:
	$(Q)packaging/deps coverage
	+$(Q)$(MAKE) --no-print-directory $(JOBS) $(COVERAGE_KNOBS) coverage-this

# Some programs run as another user, and add to the same files. Tests that fail have reached something too: the report is
# made in any case.
coverage-this: $(COVERAGE_OBJECTS)
	+$(Q)mkdir -p '$(COVERAGE_COUNTERS)' && setfacl --modify=o::rwx,default:u::rwx,default:g::rwx,default:o::rwx \
		'$(COVERAGE_COUNTERS)'
	$(Q)tests/coverage/report begin '$(COVERAGE_DIR)' '$(COVERAGE_COUNTERS)' $(if $(COVERAGE_ADD),add)
	+$(Q)status=0; $(MAKE) --no-print-directory check-this || status=$$?; \
		tests/coverage/report end '$(COVERAGE_DIR)' '$(COVERAGE_COUNTERS)' $(COVERAGE_OBJECTS) && exit $$status
