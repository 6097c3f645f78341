# SPDX-License-Identifier: GPL-2.0-or-later
#
# blankroot: GNU make 4.3 or newer. `make help` prints this text.
#
# Targets
#   all             (default) build/blankroot-initrd, build/blankroot, build/blankroot-generator
#   deps            install what build, tests and lint need (Debian packages; needs root)
#   check           install what is missing, then the test suite twice: the default static flavour with
#                   its size limits, and everything under the sanitizers. File system tests need root.
#   check-asan      the suite with address and undefined behaviour sanitizers, linked dynamically
#   check-crash     the power cuts of tests/crash in full, with what was tried: about an hour. A spread of it
#                   is part of check. BLANKROOT_CRASH_SEED and BLANKROOT_CRASH_SCENARIO in the
#                   environment: the seed and the scenario of a run that found something
#   check-faults    the faults of tests/faults in full, with what was tried: each system call of a reset and
#                   of the helper's commands fails, the disk fails, memory runs out; about three hours. A spread of
#                   it is part of check. BLANKROOT_FAULTS_ONLY="copied 123": that scenario, that call
#   check-flavours  the suite for STATIC=no WITH_KMOD=no, and for CC=clang; check-asan has STATIC=no
#                   WITH_KMOD=yes
#   check-this      the suite for exactly the flavour that the knobs select, nothing else
#   check-ansible   the role in packaging/ansible: its syntax, ansible-lint, and what it does on an image; needs root
#   check-boot      all boots of tests/boot/matrix under QEMU, of which check does the short ones; needs root
#   fuzz            run the fuzz targets of tests/fuzz with clang's libFuzzer, address and undefined
#                   behaviour sanitizers; docs/TESTING.md. Only their committed inputs are a part of check
#   fuzz-minimise   make the committed inputs the smallest that reach what the last runs of fuzz reached
#   fuzz-coverage   lines and branches that the inputs of each target reach
#   coverage        lines and branches that the tests reach: build/coverage/index.html, a summary, and the
#                   code that no test reaches, with the reasons; with TESTS, those tests alone
#   check-programs  build the test programs of that flavour without running them
#   smoke           run the built blankroot-initrd alone in an empty root directory
#   size            print the size of the static blankroot-initrd and check it against the limits
#   demo            show a reset on a throw-away image
#   bench           install what is missing, then the benchmarks of tests/bench/plan: tables and plots in
#                   build/bench; some hours, with QUICK=1 some minutes; needs root
#   bench-boot      what a reset costs a boot, beside the usual shell recipe, under QEMU; needs root
#   lint            clang-format (check only), clang-tidy, cppcheck, shellcheck, sizes, header comments
#   format          rewrite the C sources with clang-format
#   install         install into $(DESTDIR)$(PREFIX)
#   dist            source archive of the committed files: build/blankroot-VERSION.tar.gz
#   deb             a Debian package of the committed files: build/deb/blankroot_VERSION_ARCH.deb
#   check-packages  the same, and what lintian says; installed, upgraded, removed and purged; the packages of
#                   Arch and Fedora are built as far as that goes here; needs root
#   clean           remove what was built, but not what takes minutes to get: the libraries of
#                   STATIC_LIBS=built, and the Debian roots and images of the tests
#   distclean       remove the build folder
#
# Knobs: what is built. Each combination has a build folder of its own, build/FLAVOUR, so that they live
# side by side. The default flavour's programs are also at build/blankroot-initrd, stripped, with their
# debugging information in build/blankroot-initrd.debug, build/blankroot and build/blankroot-generator; other
# flavours keep theirs in build/FLAVOUR. `make flavour` prints the folder.
#   CC=gcc              the compiler; gcc and clang are tested
#   STATIC=yes|no       link blankroot-initrd statically (yes), for an initramfs without libraries
#   WITH_KMOD=yes|no    load the btrfs module through libkmod (yes)
#   WITH_SYSTEMD=yes|no  blankroot can write to the systemd journal, through libsystemd (yes)
#   WITH_LIBARCHIVE=yes|no  blankroot check looks into initramfs images, through libarchive (yes)
#   STATIC_LIBS=built|system   with STATIC=yes: build libkmod, which Debian does not have as a static
#                       library, and small libzstd and libblkid, from the distribution's own source
#                       packages through apt (default with libkmod), or take the system's
#   STATIC_LIBS_DIR=DIR where those that were built are (build/static-libs)
#   SANITIZE=LIST       for instance address,undefined; use with STATIC=no
#   COVERAGE=yes|no     count what is reached (no); use with CC=clang STATIC=no, as coverage does
#   WERROR=yes|no       treat warnings as errors (yes)
#   CFLAGS, CPPFLAGS, LDFLAGS   added after ours. CFLAGS replaces the optimisation default: -Os -g for
#                       STATIC=yes, -O2 -g else, -O1 -g with SANITIZE or COVERAGE
#   LDLIBS              further libraries, for all programs
#   V=1                 show the commands
#
# Knobs: tests
#   TESTS="test-config test-copy"   run only these
#   KEEP=1              keep scratch files of the tests
#   SHOW=1              show what tests say that passed
#   REQUIRE=1           a skipped test is a failed one
#   TEST_SECONDS=n, TEST_UNTIL=n   how long a test may take; seconds since 1970 after which none begins
#   COVERAGE_ADD=1      coverage: add to what earlier runs of it reached
#   BOOT_CELLS=short|full|all, BOOT_ONLY="luks kill", BOOT_JOBS=2 ...   which boots, and how many at a
#                       time: tests/boot/lib/suite.sh has all of them
#   QUICK=1, ONLY="reset copy", PLACES="memory disk"   bench: a short form, only these, only there
#   FUZZ=NAME           this target alone, tests/fuzz/fuzz-NAME.c, or FUZZ=reset: random trees and
#                       configurations against the model, tests/fs/test-model.c; SEED=n repeats a run
#   FUZZ_RUNS=n, FUZZ_SECONDS=n   how long, for each target (100,000 executions; 2,000 resets)
#
# Knobs: installation
#   DESTDIR=            root for packaging
#   PREFIX=/usr/local   SBINDIR=$(PREFIX)/sbin  MANDIR=$(PREFIX)/share/man  SYSCONFDIR=/etc
#   LIBDIR=$(PREFIX)/lib  UNITDIR=$(LIBDIR)/systemd/system  GENERATORDIR=$(LIBDIR)/systemd/system-generators
#   PRESETDIR=$(PREFIX)/share/blankroot/presets
#   BASHCOMPDIR=$(PREFIX)/share/bash-completion/completions
#   ZSHCOMPDIR=$(PREFIX)/share/zsh/site-functions  FISHCOMPDIR=$(PREFIX)/share/fish/vendor_completions.d
#
# End of help.

VERSION := 0.1.0

ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
STATIC ?= yes
WITH_KMOD ?= yes
WITH_SYSTEMD ?= yes
WITH_LIBARCHIVE ?= yes
SANITIZE ?=
COVERAGE ?= no
WERROR ?= yes
V ?= 0
OBJCOPY ?= objcopy
STRIP ?= strip
INSTALL ?= install

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(LIBDIR)/systemd/system
GENERATORDIR ?= $(dir $(UNITDIR))system-generators
PRESETDIR ?= $(PREFIX)/share/blankroot/presets
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d

BUILD := build
STATIC_LIBS_DIR ?= $(BUILD)/static-libs
STATIC_LIBS ?= $(if $(filter yes,$(WITH_KMOD)),built,system)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(filter-out 0,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

comma := ,
empty :=
space := $(empty) $(empty)
is_yes = $(filter yes,$(1))

$(foreach knob,STATIC WITH_KMOD WITH_SYSTEMD WITH_LIBARCHIVE COVERAGE WERROR,$(if $(filter yes no,$($(knob))),,\
	$(error $(knob) must be yes or no, not '$($(knob))')))
ifneq ($(and $(call is_yes,$(STATIC)),$(SANITIZE)),)
$(error SANITIZE needs STATIC=no: the sanitizers' libraries cannot be linked statically)
endif

include packaging/flavour.mk
include packaging/build.mk
include tests/tests.mk
include tests/lint/lint.mk
include packaging/install.mk
include packaging/packages.mk
-include $(wildcard hooks/install.mk dracut-module/install.mk)

.PHONY: all help flavour clean distclean deps

all: $(PRODUCTS)

help:
	@sed -n '3,/^# End of help/{/^# End of help/d;s/^# \{0,1\}//;p}' Makefile

flavour:
	@echo '$(B)'

deps:
	packaging/deps all

clean:
	rm -rf $(filter-out $(BUILD)/static-libs $(BUILD)/cache $(BUILD)/boot-cache,$(wildcard $(BUILD)/*))

distclean:
	rm -rf $(BUILD)

