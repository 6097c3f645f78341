/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot files during an update of the blank. */
#include "blank-boot.h"

#include "blank-command.h"
#include "cleanup.h"
#include "room.h"
#include "system-root.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>

#define NAMES_MAX 5 /* in a message */

static int open_inside(int root, const char *path)
{
	return system_root_file(&(struct system_root){ .fd = root, .path = "" }, path,
				O_RDONLY | O_DIRECTORY);
}

static void open_places(int system, int copy, bool carries, struct blank_boot *boot)
{
	static const char *const paths[] = { "/boot", "/boot/efi", "/efi" };

	for (size_t i = 0; i < BLANK_BOOT_PLACES; i++) {
		struct blank_boot_place *place = &boot->places[i];

		place->path = paths[i];
		place->is_outside = system >= 0 && (room_is_mount_point(system, paths[i] + 1) ||
						    (i == 0 && carries));
		if (i == 1 && boot->is_outside)
			continue; /* it is listed with /boot */
		if (place->is_outside)
			place->dir = openat(system, paths[i] + 1,
					    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else if (i == 0)
			place->dir = open_inside(copy, paths[i]);
		if (i == 0)
			boot->is_outside = place->is_outside;
	}
}

int blank_boot_begin(int system, int copy, bool carries, struct blank_boot *ret,
		     struct br_error *err)
{
	struct blank_boot boot = BLANK_BOOT_NONE;
	int r = 0;

	open_places(system, copy, carries, &boot);
	for (size_t i = 0; r == 0 && i < BLANK_BOOT_PLACES; i++)
		r = boot_files_list(boot.places[i].dir, &boot.places[i].before, err);
	if (r < 0) {
		blank_boot_free(&boot);
		return r;
	}
	*ret = boot;
	return 0;
}

struct settling {
	struct blank_boot *boot;
	const struct blank_boot_place *place;
	const char *wrong, *right;
};

static void note_changed(struct settling *settling, const char *path)
{
	struct blank_boot *boot = settling->boot;
	char *names = NULL;

	boot->changed++;
	if (boot->changed > NAMES_MAX + 1)
		return;
	if (boot->changed > NAMES_MAX) {
		if (asprintf(&names, "%s ...", boot->names ? boot->names : "") < 0)
			return;
	} else if (asprintf(&names, "%s%s%s/%s", boot->names ? boot->names : "",
			    boot->names ? ", " : "", settling->place->path, path) < 0) {
		return;
	}
	free(boot->names);
	boot->names = names;
}

static int visit(void *data, const char *path, struct br_error *err)
{
	struct settling *settling = data;
	int r;

	if (settling->place->is_outside)
		note_changed(settling, path);
	r = boot_files_mend(settling->place->dir, path, settling->wrong, settling->right, err);
	if (r <= 0)
		return r;
	(void)fflush(stdout);
	(void)fputs(BLANK_COMMAND ": warning: ", stderr);
	br_text_put_name(stderr, settling->place->path);
	(void)fputc('/', stderr);
	br_text_put_name(stderr, path);
	(void)fputs(" named the copy of the blank as the root; it names ", stderr);
	br_text_put_name(stderr, settling->right);
	(void)fputs(" again\n", stderr);
	return 0;
}

static int settle_place(struct settling *settling, struct br_error *err)
{
	struct boot_files after = { 0 };
	int r = boot_files_list(settling->place->dir, &after, err);

	if (r == 0)
		r = boot_files_compare(&settling->place->before, &after, visit, settling, err);
	boot_files_free(&after);
	return r;
}

int blank_boot_settle(struct blank_boot *boot, const char *wrong, const char *right,
		      struct br_error *err)
{
	struct settling settling = { .boot = boot, .wrong = wrong, .right = right };
	int r = 0;

	for (size_t i = 0; r == 0 && i < BLANK_BOOT_PLACES; i++) {
		settling.place = &boot->places[i];
		r = settle_place(&settling, err);
	}
	return r;
}

void blank_boot_free(struct blank_boot *boot)
{
	for (size_t i = 0; i < BLANK_BOOT_PLACES; i++) {
		boot_files_free(&boot->places[i].before);
		br_cleanup_close(&boot->places[i].dir);
	}
	free(boot->names);
}
