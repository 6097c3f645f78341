/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of mounts, each by itself, and of the file system, which all its mounts have in common. */
#include "cleanup.h"
#include "tune.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#define COMMIT_DEFAULT "30" /* is not shown */
#define FORCE "force:"      /* compress-force= */

static int give(const char *value, char **ret, struct br_error *err)
{
	*ret = strdup(value);
	return *ret ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

bool tune_mount_is_single(const struct br_knob *knob)
{
	return strcmp(knob->file, "atime") == 0;
}

/* Value of an option, "" when it has none, NULL when it is not there. Room for it is in buf. */
static const char *find_option(const char *options, const char *name, char buf[64])
{
	size_t length = strlen(name);

	for (const char *at = options; *at;) {
		size_t whole = strcspn(at, ",");

		if (whole >= length && strncmp(at, name, length) == 0 &&
		    (whole == length || at[length] == '=')) {
			size_t begin = whole == length ? length : length + 1;

			(void)snprintf(buf, 64, "%.*s", (int)(whole - begin), at + begin);
			return buf;
		}
		at += whole + (at[whole] == ',');
	}
	return NULL;
}

/* --- reading --- */

static int read_atime(const char *target, char **ret, struct br_error *err)
{
	struct statvfs st;

	if (statvfs(target, &st) != 0)
		return errno == ENOENT ? 0 : br_error_set(err, BR_ERR_STAT, errno, target, NULL);
	return give(st.f_flag & ST_NOATIME    ? "noatime"
		    : st.f_flag & ST_RELATIME ? "relatime"
					      : "strictatime",
		    ret, err);
}

static int read_compress(const char *options, char **ret, struct br_error *err)
{
	char buf[64], forced[80];
	const char *value = find_option(options, "compress-force", buf);

	if (value) {
		(void)snprintf(forced, sizeof(forced), FORCE "%s", value);
		return give(forced, ret, err);
	}
	value = find_option(options, "compress", buf);
	return give(value ? value : "no", ret, err);
}

static int read_common(const char *option, const char *options, char **ret, struct br_error *err)
{
	char buf[64];
	const char *value;

	if (strcmp(option, "compress") == 0)
		return read_compress(options, ret, err);
	value = find_option(options, option, buf);
	if (strcmp(option, "discard") == 0)
		return give(!value ? "no" : *value ? value : "sync", ret, err);
	if (strcmp(option, "ssd") == 0)
		return give(value || find_option(options, "ssd_spread", buf) ? "yes" : "no", ret,
			    err);
	if (strcmp(option, "commit") == 0)
		return give(value ? value : COMMIT_DEFAULT, ret, err);
	return give(value && *value ? value : value ? "v1" : "no", ret, err); /* space_cache */
}

int tune_mount_read(const struct tune_facts *facts, const struct br_knob *knob, const char *object,
		    char **ret, struct br_error *err)
{
	struct br_mountinfo now = { 0 };
	int r;

	*ret = NULL;
	if (facts->mount_count == 0)
		return 0;
	if (tune_mount_is_single(knob))
		return read_atime(object, ret, err);
	if (strcmp(object, facts->fsid) != 0)
		return 0;
	/* what facts has may have been changed meanwhile */
	if ((r = br_mountinfo_read(&now, err)) < 0)
		return r;
	for (size_t i = 0; r == 0 && !*ret && i < now.count; i++)
		if (now.mounts[i].id == facts->mounts.mounts[0].id)
			r = read_common(knob->file, now.mounts[i].options, ret, err);
	br_mountinfo_free(&now);
	return r;
}

/* --- setting --- */

static int set_atime(const char *target, const char *value, struct br_error *err)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR__ATIME };

	if (strcmp(value, "noatime") == 0)
		attr.attr_set = MOUNT_ATTR_NOATIME;
	else if (strcmp(value, "strictatime") == 0)
		attr.attr_set = MOUNT_ATTR_STRICTATIME;
	else
		attr.attr_set = MOUNT_ATTR_RELATIME;
	if (mount_setattr(AT_FDCWD, target, AT_SYMLINK_NOFOLLOW, &attr, sizeof(attr)) != 0)
		return br_error_set(err, BR_ERR_MOUNT, errno, target, "%s", value);
	return 0;
}

struct option {
	const char *key, *value; /* value NULL: a flag */
};

static struct option option_of(const char *option, const char *value)
{
	bool is_no = strcmp(value, "no") == 0;

	if (strcmp(option, "compress") == 0)
		return strncmp(value, FORCE, strlen(FORCE)) == 0
			       ? (struct option){ "compress-force", value + strlen(FORCE) }
			       : (struct option){ "compress", value };
	if (strcmp(option, "discard") == 0)
		return is_no ? (struct option){ "nodiscard", NULL }
			     : (struct option){ "discard", value };
	if (strcmp(option, "ssd") == 0)
		return (struct option){ is_no ? "nossd" : "ssd", NULL };
	return (struct option){ option, value };
}

/* Only what is named changes: this is not mount(2), which would reset the rest. */
static int reconfigure(int top, const struct option *option)
{
	BR_AUTO_CLOSE int context = fspick(top, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (context < 0 ||
	    fsconfig(context, option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option->key,
		     option->value, 0) != 0)
		return -1;
	return fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

int tune_mount_write(const struct tune_facts *facts, const struct br_knob *knob, const char *object,
		     const char *value, struct br_error *err)
{
	struct option option = option_of(knob->file, value);

	if (tune_mount_is_single(knob))
		return set_atime(object, value, err);
	/* "discard=sync" is written without a value */
	if (strcmp(option.key, "discard") == 0 && strcmp(value, "sync") == 0)
		option.value = NULL;
	if (reconfigure(facts->top, &option) != 0)
		return br_error_set(err, BR_ERR_MOUNT, errno, NULL, "%s%s%s", option.key,
				    option.value ? "=" : "", option.value ? option.value : "");
	return 0;
}
