/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Space for the reset: what it carries costs metadata only. */
#include "preflight.h"

#include "boot-report.h"
#include "cleanup.h"
#include "text.h"
#include "volume.h"

#define BYTES_PER_FILE 2048      /* inode, names, extent, reference: generously */
#define BYTES_ALWAYS (8UL << 20) /* snapshot, directories, what happens besides */

/* By what the last reset carried; the rehearsal knows better. */
static uint64_t count_carried(const struct check *check)
{
	struct boot_report report;
	struct br_error ignored;
	uint64_t count = 0;

	if (check->root.fd >= 0 || boot_report_load(check->options->report, &report, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < report.ephemeral_count; i++)
		for (size_t p = 0; p < report.ephemeral[i].path_count; p++) {
			const struct report_path *path = &report.ephemeral[i].paths[p];

			count += path->files + path->directories + path->others;
		}
	boot_report_free(&report);
	return count;
}

struct sizes {
	uint64_t have, need;
};

static void put_sizes(FILE *out, const void *data)
{
	const struct sizes *sizes = data;

	br_text_put_size(out, sizes->have);
	(void)fputs(" can still become metadata, the reset needs about ", out);
	br_text_put_size(out, sizes->need);
}

static char *mend_space(const struct check *check)
{
	const char *const none[] = { NULL };

	return check_mend_self(check, "prune", true, none);
}

static void check_metadata(struct check *check)
{
	struct sizes sizes = { .need = BYTES_ALWAYS + BYTES_PER_FILE * count_carried(check) };
	struct br_error failure = { 0 };
	BR_AUTO_FREE char *text = NULL;

	if (br_volume_metadata_room(check->filesystem.top, &sizes.have, &failure) < 0) {
		finding_add_failure(&check->findings, FINDING_SPACE_METADATA, NULL, &failure,
				    "space for the reset");
		return;
	}
	if (sizes.have >= 2 * sizes.need)
		return;
	text = br_text_make(put_sizes, &sizes);
	check->findings.failed |= !text;
	if (text)
		finding_add_as(&check->findings, FINDING_SPACE_METADATA,
			       sizes.have < sizes.need ? FINDING_ERROR : FINDING_WARNING,
			       mend_space(check), "%s", text);
}

void check_space(struct check *check)
{
	double wanted = check->config.archives.min_free;
	struct br_error failure = { 0 };
	struct br_volume volume;
	double share;

	check_metadata(check);
	if (br_volume_read(check->filesystem.top, &volume, &failure) < 0) {
		finding_add_failure(&check->findings, FINDING_SPACE_FREE, NULL, &failure,
				    "free space");
		return;
	}
	share = volume.total ? (double)volume.available / (double)volume.total : 1;
	if (share < wanted)
		finding_add(&check->findings, FINDING_SPACE_FREE, mend_space(check),
			    "%.1f%% of the file system are free, %.1f%% should be", 100 * share,
			    100 * wanted);
}
