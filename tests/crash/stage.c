/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scenario made ready on an image. */
#include "stage.h"

#include "cleanup.h"
#include "server.h"
#include "tree.h"

#include <check.h>
#include <signal.h>
#include <sys/prctl.h>

void stage_begin(struct stage *stage, const struct scenario *scenario)
{
	/* it would go on for minutes when the program that began it is killed */
	ck_assert_int_eq(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	server_make(scenario->size ? scenario->size : SCENARIO_SIZE, scenario->make);
	stage->image = server_begin();
	BR_AUTO_FREE char *config = server_config(scenario->config);
	image_unmount(stage->image);
	for (unsigned n = 0; n < scenario->boots; n++)
		server_reset_ok(stage->image, config);
	if (scenario->boots > 0) {
		tree_write(image_mount(stage->image, NULL), "root/usr/bin/drift", "drifted\n");
		image_unmount(stage->image);
	}
	state_save(&stage->base, stage->image);
	expect_learn(&stage->expect, scenario, stage->image);
}

struct recording_options stage_options(const struct stage *stage, enum recording_mode mode)
{
	return (struct recording_options){
		.mode = mode,
		.config = stage->expect.config,
		.cmdline = stage->expect.scenario->cmdline,
		.discards = stage->expect.scenario->drops_archives,
		.before = stage->expect.scenario->before,
	};
}

void stage_end(struct stage *stage)
{
	state_free(&stage->base);
	server_drop();
}
