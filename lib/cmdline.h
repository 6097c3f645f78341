/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel command line, split and unquoted exactly as the kernel does it (lib/cmdline.c:
 * next_arg, kernel/params.c: parameq), and what blankroot reads from it.
 */
#ifndef BR_CMDLINE_H
#define BR_CMDLINE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct br_cmdline_arg {
	const char *name;
	const char *value; /* NULL when there is no '=' */
};

struct br_cmdline {
	char *text; /* owns what the arguments point into */
	struct br_cmdline_arg *args;
	size_t count;
};

/*
 * Split a command line. Double quotes protect white space anywhere in an argument; a pair around
 * the value or the whole argument is removed; an unclosed quote extends to the end. Arguments
 * after a lone "--" belong to init and are left out. White space is that of ASCII: byte 0xa0 is
 * some for the kernel, but it also occurs within UTF-8 characters of labels, and no other reader
 * of root= splits there.
 *
 * text  NUL-terminated; the newline of /proc/cmdline is white space. "" gives no arguments.
 *
 * Returns 0, and the caller frees with br_cmdline_free; BR_ERR_NOMEM, *ret untouched.
 */
BR_MUST_CHECK int br_cmdline_parse(const char *text, struct br_cmdline *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_cmdline_free(struct br_cmdline *cmdline);

/*
 * The last argument of that name ('-' and '_' are the same, as for the kernel), which is the one
 * that counts. NULL when absent. The result lives as long as the command line.
 */
const struct br_cmdline_arg *br_cmdline_find(const struct br_cmdline *cmdline, const char *name);

enum br_boot_mode { BR_BOOT_RESET, BR_BOOT_OFF, BR_BOOT_DRY_RUN };

#define BR_BOOT_TIMEOUT_DEFAULT 30

/* What the kernel command line says to blankroot. Strings live as long as the command line. */
struct br_boot {
	enum br_boot_mode mode;
	const char *from; /* rd.blankroot.from=: name of an archive; NULL: none */
	unsigned timeout; /* seconds to wait for the device */
	bool debug;
	const char *root;   /* root=; NULL: none */
	const char *resume; /* resume=; NULL: none */
	bool has_resume_offset;
	uint64_t resume_offset; /* pages */
	bool noresume;          /* without a value; as for systemd, "noresume=..." says nothing */
};

/*
 * Read the arguments that concern blankroot: rd.blankroot[=on|off|dry-run] (1, yes, true / 0, no,
 * false too), rd.blankroot.from=, .timeout= (0 to 86400), .debug, root=, resume=, resume_offset=,
 * noresume. The last of each counts.
 *
 * Returns 0; BR_ERR_USAGE when a value has no meaning or rd.blankroot.NAME is unknown (the text
 * names the argument and what is allowed), *ret untouched. "from" must be a plain archive name: no
 * slash, not "." or "..", not empty.
 */
BR_MUST_CHECK int br_boot_parse(const struct br_cmdline *cmdline, struct br_boot *ret,
				struct br_error *err);

#endif
