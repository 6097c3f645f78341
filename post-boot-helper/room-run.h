/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that runs in a room, with the terminal of the caller. */
#ifndef BLANKROOT_ROOM_RUN_H
#define BLANKROOT_ROOM_RUN_H

#include "error.h"
#include "room.h"

struct room_result {
	int status; /* of waitpid(2) */
	int signal; /* that asked blankroot to end, so that the program was made to; 0: none */
};

/*
 * Run a program in a room, and wait until it has ended. Whatever else it has started has ended then, too.
 *
 * argv       of the program; argv[0] NULL: the shell of the user
 * variables  for its environment, "NAME=VALUE", ended by NULL
 *
 * SIGTERM and SIGHUP are passed on, and after a while it is killed; SIGINT and SIGQUIT of the terminal come to it by
 * themselves. When the caller is killed, so is it. One that cannot be started is told by itself, and has the status 126
 * or 127, as of a shell.
 *
 * Returns 0 with *ret. BR_ERR_MOUNT and those of room_enter; BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN. Linux 5.3.
 */
BR_MUST_CHECK int room_run(const struct room *room, char *const argv[], char *const variables[],
			   struct room_result *ret, struct br_error *err);

#endif
