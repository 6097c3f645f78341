/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Did anybody touch these files? */
#include "watch.h"

#include "cleanup.h"
#include "facts-list.h"
#include "run.h"

#include <check.h>
#include <string.h>
#include <sys/inotify.h>

static void add(struct watch *watch, const char *path)
{
	int number = inotify_add_watch(watch->fd, path, IN_ALL_EVENTS | IN_DONT_FOLLOW);

	ck_assert_msg(number >= 0, "inotify_add_watch %s: %s", path, strerror(errno));
	if ((size_t)number >= watch->count) {
		watch->path = reallocarray(watch->path, (size_t)number + 1, sizeof(*watch->path));
		ck_assert_ptr_nonnull(watch->path);
		while (watch->count <= (size_t)number)
			watch->path[watch->count++] = NULL;
	}
	free(watch->path[number]);
	watch->path[number] = strdup(path);
	ck_assert_ptr_nonnull(watch->path[number]);
}

void watch_tree(struct watch *watch, const char *dir)
{
	BR_AUTO_FREE char *paths = run_checked(
		0, (const char *const[]){ "find", dir, "-type", "d", "-printf", "%p\n", NULL });
	char *next = paths;

	if (watch->count == 0)
		watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ck_assert_msg(watch->fd >= 0, "inotify_init1: %s", strerror(errno));
	for (char *path = strsep(&next, "\n"); path && *path; path = strsep(&next, "\n"))
		add(watch, path);
}

static void print_event(FILE *out, const struct watch *watch, const struct inotify_event *event)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ IN_OPEN, "opened" },
		{ IN_ACCESS, "read" },
		{ IN_MODIFY, "written" },
		{ IN_ATTRIB, "changed" },
		{ IN_CREATE, "made" },
		{ IN_DELETE, "removed" },
		{ IN_MOVED_FROM, "moved" },
		{ IN_MOVED_TO, "moved" },
		{ IN_DELETE_SELF, "removed" },
		{ IN_MOVE_SELF, "moved" },
		{ IN_CLOSE_WRITE, "closed" },
		{ IN_CLOSE_NOWRITE, "closed" },
		{ IN_Q_OVERFLOW, "more than can be told" },
	};

	fprintf(out, "%s/%s:", event->wd >= 0 ? watch->path[event->wd] : "",
		event->len ? event->name : "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (event->mask & names[i].bit)
			fprintf(out, " %s", names[i].name);
	}
	(void)fputc('\n', out);
}

static void print_events(FILE *out, const struct watch *watch)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t size;

	while ((size = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (const char *at = buffer; at < buffer + size;) {
			const struct inotify_event *event = (const void *)at;

			print_event(out, watch, event);
			at += sizeof(*event) + event->len;
		}
	}
	ck_assert_msg(errno == EAGAIN, "inotify: %s", strerror(errno));
}

char *watch_end(struct watch *watch)
{
	struct text text;

	text_begin(&text);
	print_events(text.stream, watch);
	for (size_t i = 0; i < watch->count; i++)
		free(watch->path[i]);
	free(watch->path);
	(void)close(watch->fd);
	*watch = (struct watch){ .fd = -1 };
	return text_end(&text);
}
