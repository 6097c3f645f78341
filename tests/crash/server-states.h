/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States that a server can be in before its reset, on layout_make's, and the words of a configuration about them. */
#ifndef CRASH_SERVER_STATES_H
#define CRASH_SERVER_STATES_H

#define SERVER_SUBVOLUME(path) "\tpath \"" path "\" {\n\t\tmethod = subvolume\n\t}\n"

/* For struct ephemeral_place. */
#define SERVER_ROOT                                     \
	{                                               \
		.name = "root", .archives = "old_roots" \
	}
#define SERVER_CACHE                                             \
	{                                                        \
		.name = "cache", .archives = ".blankroot/parked" \
	}
#define SERVER_HOME                                     \
	{                                               \
		.name = "home", .archives = "old_homes" \
	}

/* It was never reset before. */
void server_make_first(int top);

/* Subvolumes in subvolumes. */
void server_make_carried(int top);

/* Ephemeral subvolumes beside the root: SERVER_CACHE without archives, SERVER_HOME with its own. */
void server_make_others(int top);
#define SERVER_OTHERS                                                                                    \
	"ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n\tpersist = { \"/kept\" }\n}\n" \
	"ephemeral home {\n\tblank = \"home-blank\"\n\tarchive = \"old_homes\"\n}\n"

/* An archive to start from. */
void server_make_archive(int top);
#define SERVER_ARCHIVE "root.20250101T000000Z"

/* As test-no-space has it: the copy of a file, /var/big, needs the space of two archives. */
void server_make_full(int top);

#endif
