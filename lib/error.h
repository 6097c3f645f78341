/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors as values: which step failed, what the kernel said, and on which object.
 *
 * Every fallible function of the library returns 0 or a negative enum br_code and, on failure,
 * fills a struct br_error that the caller owns. The structure holds no pointers, so it survives
 * every clean-up on the way out and works when memory has run out.
 */
#ifndef BR_ERROR_H
#define BR_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define BR_MUST_CHECK __attribute__((warn_unused_result))
#define BR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * One code per failing step. The table in error.c has the name, the phrase and the class of each.
 */
enum br_code {
	BR_OK = 0,
	BR_ERR_NOMEM = -1,
	BR_ERR_USAGE = -2,             /* command line of the program, or of the kernel */
	BR_ERR_CONFIG = -3,            /* configuration file: text carries file and line */
	BR_ERR_DEVICE_MISSING = -4,    /* did not appear before the time limit */
	BR_ERR_DEVICE_INCOMPLETE = -5, /* some members of the file system are missing */
	BR_ERR_DEVICE_PROBE = -6,      /* a block device cannot be read or is not btrfs */
	BR_ERR_MODULE = -7,            /* kernel module cannot be loaded */
	BR_ERR_HIBERNATED = -8,        /* a hibernation image is waiting */
	BR_ERR_MOUNT = -9,
	BR_ERR_IN_USE = -10,  /* an ephemeral subvolume is mounted by somebody else */
	BR_ERR_LOCKED = -11,  /* another run holds the file system's lock */
	BR_ERR_LAYOUT = -12,  /* an object is not what it must be */
	BR_ERR_REQUEST = -13, /* one-shot request unreadable or not satisfiable */
	BR_ERR_OPEN = -14,
	BR_ERR_STAT = -15,
	BR_ERR_READ = -16,
	BR_ERR_WRITE = -17,
	BR_ERR_CREATE = -18,
	BR_ERR_CLONE = -19,
	BR_ERR_XATTR = -20,
	BR_ERR_FLAGS = -21,      /* inode flags */
	BR_ERR_ATTRIBUTES = -22, /* owner, mode or times */
	BR_ERR_LINK = -23,
	BR_ERR_REMOVE = -24,
	BR_ERR_SYMLINK = -25,     /* a component of a path is a symbolic link */
	BR_ERR_TYPE = -26,        /* an object of another type is in the way */
	BR_ERR_UNSUPPORTED = -27, /* an object that cannot be carried faithfully */
	BR_ERR_SNAPSHOT = -28,
	BR_ERR_SUBVOLUME = -29, /* create, or read the properties of, a subvolume */
	BR_ERR_DELETE = -30,    /* delete a subvolume */
	BR_ERR_EXCHANGE = -31,
	BR_ERR_RENAME = -32,
	BR_ERR_DEFAULT = -33, /* read or set the default subvolume */
	BR_ERR_SYNC = -34,
	BR_ERR_OWNER = -35,         /* user or group name unknown */
	BR_ERR_BLANK_CHANGED = -36, /* and the configuration says to refuse it */
	BR_ERR_JOB = -37,           /* balancing, trimming, defragmenting the file system */
	BR_ERR_LAST = BR_ERR_JOB,
};

/* What a failure means to the caller; blankroot-initrd's exit code follows from it. */
enum br_class {
	BR_CLASS_OK,
	BR_CLASS_USAGE,   /* exit 2 */
	BR_CLASS_REFUSED, /* exit 3 */
	BR_CLASS_FAILED,  /* exit 4; 5 once the swap has happened */
};

#define BR_ERROR_PATH_MAX 512
#define BR_ERROR_TEXT_MAX 768

/* Text and path are raw bytes: whoever prints them goes through br_error_format, which escapes. */
struct br_error {
	enum br_code code;
	int sys_errno; /* 0 when no system call is to blame */
	/* object of the failing call, "" if none; long ones lose their head */
	char path[BR_ERROR_PATH_MAX];
	char text[BR_ERROR_TEXT_MAX]; /* what, where, what to do; "" when the code says it all */
};

/*
 * Fill an error. Overwrites what was there.
 *
 * err        never NULL
 * sys_errno  errno of the failing call, 0 if none
 * path       object of the failing call; NULL if none
 * fmt        further explanation; NULL if none. Too long a text is cut and ends in "...".
 *
 * Returns code, so that a function can end in: return br_error_set(...);
 */
int br_error_set(struct br_error *err, enum br_code code, int sys_errno, const char *path,
		 const char *fmt, ...) BR_PRINTF(5, 6);

/*
 * Put a context in front of an error's text on its way up: "carrying /var/lib".
 * Keeps code, errno and path. Returns err->code.
 */
int br_error_context(struct br_error *err, const char *fmt, ...) BR_PRINTF(2, 3);

/*
 * Put a directory in front of err->path on its way up: a walk knows names, its caller knows where.
 * No effect when the error has no path. Returns err->code.
 */
int br_error_prefix_path(struct br_error *err, const char *dir);

/*
 * Name the object of an error that has no path yet: calls on open objects do not know their names.
 * No effect when it has one, or when path is NULL. Returns err->code.
 */
int br_error_name(struct br_error *err, const char *path);

/*
 * The one message of an error: phrase, quoted path, text, strerror. Bytes below 0x20, 0x7f and
 * above (except valid UTF-8 that is printable) become \xNN, so no name can reach a console as an
 * escape sequence. Always NUL-terminated; cut at size.
 */
void br_error_format(const struct br_error *err, char *buf, size_t size);

/*
 * Is what was to be read damaged: the device or a checksum (EIO, EUCLEAN), or content that makes no sense (no errno)? Not
 * so when memory, privilege or a descriptor were missing.
 */
bool br_error_is_damage(const struct br_error *err);

/* Name of a code as used in boot.json: "snapshot", "device-missing". Never NULL. */
const char *br_code_name(enum br_code code);

/* Class of a code. Unknown codes are BR_CLASS_FAILED. */
enum br_class br_code_class(enum br_code code);

/*
 * Copy src to dst with every byte that is not printable UTF-8 escaped as \xNN. dst is always
 * NUL-terminated and never cut inside an escape. Returns the bytes written, without the NUL.
 */
size_t br_escape(char *dst, size_t size, const char *src);

#endif
