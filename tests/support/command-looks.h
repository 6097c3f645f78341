/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the helper's commands find and leave on the server of command-cases.h, as text. The caller owns what is
 * returned. Everything fails the current test when it fails.
 */
#ifndef TEST_COMMAND_LOOKS_H
#define TEST_COMMAND_LOOKS_H

#define PINNED "root.20200102T000000Z"
#define NEWEST "root.20200104T000000Z"
#define FORMER "root-blank.20200101T000000Z"
#define SNAPSHOT "persist.20200101T000000Z"

/* The snapshots that were taken: how many, and what is wrong with them. */
char *look_at_taken(int top);
char *look_at_taken_settled(int top);

/* SNAPSHOT: whether it is pinned or gone. */
char *look_at_snapshot(int top);
char *look_at_snapshot_settled(int top);

/* The archives' numbers; what stays is complete. */
char *look_at_archives(int top);

/* The blank: "archive" or "former"; and behind that the archives. */
char *look_at_blank(int top);
char *look_at_blank_settled(int top);

/* The blank: "new" if it has etc/new of the root, or "former"; and behind that how many former ones are kept. */
char *look_at_committed(int top);
char *look_at_committed_settled(int top);

/* The blank of system: "new" if the command has run in it, or "former"; and behind that the version of former ones. */
char *look_at_updated(int top);
char *look_at_updated_settled(int top);

/* The blank: "older" if it is FORMER, or "former"; and behind that what is kept. */
char *look_at_brought_back(int top);
char *look_at_brought_back_settled(int top);

/* The persistent subvolume: "former" or "snapshot"; and behind that how many snapshots there are. */
char *look_at_persist(int top);
char *look_at_persist_settled(int top);

/* The one-shot request; and behind that what else is in .blankroot. */
char *look_at_request(int top);
char *look_at_request_settled(int top);

/* What is restored where nothing was, and over something: "absent", "old" or "new". */
char *look_at_restored(int top);
char *look_at_restored_settled(int top);
char *look_at_replaced(int top);
char *look_at_replaced_settled(int top);

/* What there is of a root that is prepared: its fstab, configuration and blank; and behind that how many snapshots of it. */
char *look_at_prepared(int top);
char *look_at_prepared_settled(int top);

/* log/data: "directory" or "subvolume". */
char *look_at_converted(int top);
char *look_at_converted_settled(int top);

/* The declarations of each configuration for "persist", as text; and behind that what else is beside them. */
char *look_at_first_declaration(int top);
char *look_at_first_declaration_settled(int top);
char *look_at_two_declarations(int top);
char *look_at_two_declarations_settled(int top);
char *look_at_one_declaration(int top);
char *look_at_one_declaration_settled(int top);

#endif
