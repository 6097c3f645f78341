# SPDX-License-Identifier: GPL-2.0-or-later
#
# From the knobs to a flavour: its build folder B, compiler and linker flags, libraries.

FLAVOUR := $(subst $(space),-,$(strip \
	$(subst /,-,$(notdir $(CC))) \
	$(if $(call is_yes,$(STATIC)),static,dynamic) \
	$(if $(call is_yes,$(WITH_KMOD)),,nokmod) \
	$(if $(call is_yes,$(WITH_SYSTEMD)),,nosystemd) \
	$(if $(call is_yes,$(WITH_LIBARCHIVE)),,noarchive) \
	$(subst $(comma),-,$(SANITIZE)) \
	$(if $(call is_yes,$(COVERAGE)),coverage)))
B := $(BUILD)/$(FLAVOUR)
DEFAULT_FLAVOUR := gcc-static

# Asked of the compiler itself: "cc" may be either.
COMPILER := $(if $(findstring clang,$(CC) $(shell $(CC) --version 2>/dev/null)),clang,gcc)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wredundant-decls -Wformat=2 -Wswitch -Wimplicit-fallthrough -Wvla -Wsign-compare -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wdate-time
ifeq ($(COMPILER),gcc)
WARNINGS += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Walloca
else
WARNINGS += -Wunreachable-code-return
endif
WARNINGS += $(if $(call is_yes,$(WERROR)),-Werror)

ifneq ($(SANITIZE)$(call is_yes,$(COVERAGE)),)
DEFAULT_CFLAGS := -O1 -g
else ifeq ($(STATIC),yes)
DEFAULT_CFLAGS := -Os -g
else
DEFAULT_CFLAGS := -O2 -g
endif
CFLAGS ?= $(DEFAULT_CFLAGS)

# glibc warns about fortification without optimisation; it hides errors from the address sanitizer.
OPTIMISED := $(filter-out -O0 -Og,$(lastword $(filter -O%,$(CFLAGS))))
ifeq ($(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
FORTIFY := $(if $(OPTIMISED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif

BR_CPPFLAGS = -D_GNU_SOURCE $(FORTIFY) $(if $(call is_yes,$(WITH_KMOD)),-DWITH_KMOD=1) -Ilib
BR_CFLAGS = -std=gnu11 $(WARNINGS) -fstack-protector-strong -fno-common -ffile-prefix-map=$(CURDIR)=. \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
BR_LDFLAGS = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE))

# Counters live in a file that is mapped, %c: what a program that was killed had reached is known all the same. Its
# name is in the programs, for some are run without this environment; %m: all runs of one add to one file.
ifeq ($(COVERAGE),yes)
ifneq ($(COMPILER),clang)
$(error COVERAGE=yes needs CC=clang)
endif
COVERAGE_COUNTERS := $(abspath $(B))/counters
BR_CFLAGS += -fprofile-instr-generate=$(COVERAGE_COUNTERS)/%m%c.profraw -fcoverage-mapping
BR_CPPFLAGS += -mllvm -runtime-counter-relocation=true
endif

# Unwind tables: see static.ld. gdb still finds those of our own code, in .debug_frame.
ifeq ($(STATIC),yes)
BR_CFLAGS += -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
BR_LDFLAGS += -Wl,--gc-sections
endif

# Libraries, for dynamic and for static linking. The static ones need what they use named.
DYNAMIC_LIBS := -lconfuse -lbtrfsutil -lblkid $(if $(call is_yes,$(WITH_KMOD)),-lkmod) -lpthread
ifeq ($(STATIC),yes)
ifeq ($(STATIC_LIBS),built)
STATIC_LIBS_STAMP := $(STATIC_LIBS_DIR)/stamp
BR_CPPFLAGS += -I$(STATIC_LIBS_DIR)/include
endif
LIB_LIBS := $(if $(STATIC_LIBS_STAMP),-L$(STATIC_LIBS_DIR)/lib) -lconfuse -lbtrfsutil -lblkid \
	$(if $(call is_yes,$(WITH_KMOD)),-lkmod -lzstd -llzma -lz) -lpthread
else
LIB_LIBS := $(DYNAMIC_LIBS)
endif

# The helper is linked dynamically in every flavour.
HELPER_LIBS := -lsmartcols -ljansson $(if $(call is_yes,$(WITH_SYSTEMD)),-lsystemd) \
	$(if $(call is_yes,$(WITH_LIBARCHIVE)),-larchive) $(DYNAMIC_LIBS)

ALL_CFLAGS = $(BR_CPPFLAGS) $(BR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(BR_CFLAGS) $(CFLAGS) $(BR_LDFLAGS) $(LDFLAGS)
