/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands for a shell that mend what blankroot check finds. */
#include "mend.h"

#include "cleanup.h"
#include "mounted.h"
#include "subvol.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define MOUNT_POINT "/mnt"

/* Characters that mean themselves to a shell, wherever they stand. */
static bool is_plain(const char *word)
{
	if (!*word)
		return false;
	for (; *word; word++)
		if (!isalnum((unsigned char)*word) && !strchr("%+,-./:=@_", *word))
			return false;
	return true;
}

static bool has_controls(const char *word)
{
	for (; *word; word++)
		if ((unsigned char)*word < 0x20 || (unsigned char)*word >= 0x7f)
			return true;
	return false;
}

/* Of two ways to quote, the one that every shell knows where it will do. */
static void put_word(FILE *out, const char *word)
{
	bool escapes = has_controls(word);

	if (is_plain(word)) {
		(void)fputs(word, out);
		return;
	}
	(void)fputs(escapes ? "$'" : "'", out);
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (escapes && (c < 0x20 || c >= 0x7f))
			(void)fprintf(out, "\\%03o", c);
		else if (escapes && (c == '\'' || c == '\\'))
			(void)fprintf(out, "\\%c", c);
		else if (c == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(c, out);
	}
	(void)fputc('\'', out);
}

char *mend_make(const char *pattern, const char *const words[])
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (; *pattern; pattern++) {
		if (*pattern != '%')
			(void)fputc(*pattern, out);
		else if (*words)
			put_word(out, *words++);
	}
	if (ferror(out) | fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* The part of a path that is behind a mount's root; NULL: it is not seen there. */
static const char *seen_at(const struct br_mount *mount, const char *path)
{
	const char *root = mount->root + 1;
	size_t length = strlen(root);

	if (strcmp(mount->type, "btrfs") != 0 || mount->root[0] != '/' ||
	    strncmp(path, root, length) != 0)
		return NULL;
	if (length == 0 || path[length] == '\0')
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

/* *ret: owned by the caller; NULL: it is not seen. False: no memory. */
static bool find_place(const struct mend_place *place, const char *path, char **ret)
{
	char fsid[BR_FSID_SIZE];
	struct br_error ignored;
	size_t best = SIZE_MAX;

	*ret = NULL;
	if (!place->mounts || br_subvol_fsid(place->top, fsid, &ignored) < 0)
		return true;
	for (size_t i = 0; i < place->mounts->count; i++) {
		const struct br_mount *mount = &place->mounts->mounts[i];
		const char *rest = seen_at(mount, path);

		if (!rest || strlen(rest) >= best || !mounted_shows(mount, mount->root + 1, fsid))
			continue;
		best = strlen(rest);
		free(*ret);
		if (asprintf(ret, "%s%s%s", strcmp(mount->target, "/") == 0 ? "" : mount->target,
			     *rest || strcmp(mount->target, "/") == 0 ? "/" : "", rest) < 0) {
			*ret = NULL;
			return false;
		}
	}
	return true;
}

#define WORDS_MAX 4

struct places {
	char *text[WORDS_MAX + 1];
	bool needs_mount;
	bool failed;
};

static void find_places(const struct mend_place *place, const char *const words[], bool own_mount,
			struct places *places)
{
	*places = (struct places){ 0 };
	for (size_t i = 0; i < WORDS_MAX && words[i] && !places->failed; i++) {
		if (own_mount)
			places->failed = asprintf(&places->text[i], MOUNT_POINT "/%s", words[i]) <
					 0;
		else
			places->failed = !find_place(place, words[i], &places->text[i]);
		if (places->failed)
			places->text[i] = NULL;
		places->needs_mount |= !places->text[i];
	}
}

static void places_free(struct places *places)
{
	for (size_t i = 0; i < WORDS_MAX; i++)
		free(places->text[i]);
}

char *mend_make_at(const struct mend_place *place, const char *pattern, const char *const words[])
{
	const char *const device[] = { place->device, NULL };
	BR_AUTO_FREE char *before = NULL;
	BR_AUTO_FREE char *command = NULL;
	struct places places;
	bool own_mount;
	char *whole = NULL;

	find_places(place, words, false, &places);
	own_mount = places.needs_mount && !places.failed;
	if (own_mount) {
		places_free(&places);
		find_places(place, words, true, &places);
	}
	if (!places.failed)
		command = mend_make(pattern, (const char *const *)places.text);
	places_free(&places);
	if (!own_mount || !command)
		return br_take_ptr(&command);
	before = mend_make("mount -t btrfs -o subvolid=5 % " MOUNT_POINT, device);
	if (!before ||
	    asprintf(&whole, "%s && { %s; umount " MOUNT_POINT "; }", before, command) < 0)
		return NULL;
	return whole;
}
