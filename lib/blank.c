/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a blank still what it was when the last reset was made from it? */
#include "blank.h"

#include "name.h"
#include "record.h"

#include <string.h>

static enum br_blank_state judge(const struct br_blank_record *record,
				 const struct br_subvol *blank)
{
	if (!record->exists)
		return BR_BLANK_FIRST_SEEN;
	if (memcmp(record->uuid, blank->uuid, BR_UUID_SIZE) != 0)
		return BR_BLANK_REPLACED;
	/* not its generation: each snapshot of it raises that */
	return record->ctransid == blank->ctransid ? BR_BLANK_UNCHANGED : BR_BLANK_MODIFIED;
}

bool br_blank_is_changed(enum br_blank_state state)
{
	return state == BR_BLANK_MODIFIED || state == BR_BLANK_REPLACED;
}

const char *br_blank_state_text(enum br_blank_state state)
{
	static const char *const texts[] = {
		[BR_BLANK_UNCHANGED] = "is what it was at the last reset",
		[BR_BLANK_FIRST_SEEN] = "is used for the first time",
		[BR_BLANK_MODIFIED] = "was modified since the last reset",
		[BR_BLANK_REPLACED] = "is another subvolume than at the last reset",
	};

	return texts[state];
}

int br_blank_check(int state_fd, const char *escaped, const struct br_ephemeral *ephemeral,
		   const struct br_subvol *blank, enum br_blank_state *state_ret,
		   struct br_error *err)
{
	struct br_blank_record record;
	int r = br_record_read_blank(state_fd, escaped, &record, err);

	if (r < 0)
		return r;
	*state_ret = judge(&record, blank);
	if (!br_blank_is_changed(*state_ret) || ephemeral->blank_changed == BR_BLANK_CHANGED_WARN)
		return 0;
	return br_error_set(err, BR_ERR_BLANK_CHANGED, 0, ephemeral->blank,
			    "%s. If that was you, mount the top level and let the next reset take "
			    "it as it is: setfattr -x %s%s TOP/%s",
			    br_blank_state_text(*state_ret), BR_XATTR_BLANK, escaped, BR_STATE_DIR);
}
