/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two subvolumes have in common. */
#include "lineage.h"

#include "cleanup.h"
#include "tree-search.h"

#include <btrfsutil.h>
#include <linux/btrfs_tree.h>
#include <string.h>

struct ancestor {
	uint8_t uuid[BR_UUID_SIZE];
	uint64_t otransid; /* of its creation; 0: it was deleted */
};

/* A subvolume, what it is a snapshot of, what that is a snapshot of ... */
struct chain {
	struct ancestor *ancestors;
	size_t count;
};

static int chain_add(struct chain *chain, const uint8_t *uuid, uint64_t otransid,
		     struct br_error *err)
{
	struct ancestor *grown = reallocarray(chain->ancestors, chain->count + 1, sizeof(*grown));

	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	chain->ancestors = grown;
	memcpy(grown[chain->count].uuid, uuid, BR_UUID_SIZE);
	grown[chain->count++].otransid = otransid;
	return 0;
}

/* Id of the subvolume with this UUID; 0: there is none. */
static int find_by_uuid(int fd, const uint8_t *uuid, uint64_t *id_ret, struct br_error *err)
{
	struct br_tree_range range = { .tree = BTRFS_UUID_TREE_OBJECTID };
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r;

	memcpy(&range.first.object, uuid, sizeof(uint64_t));
	memcpy(&range.first.offset, uuid + sizeof(uint64_t), sizeof(uint64_t));
	range.first.object = le64toh(range.first.object);
	range.first.offset = le64toh(range.first.offset);
	range.first.type = BTRFS_UUID_KEY_SUBVOL;
	range.last = range.first;
	*id_ret = 0;
	if ((r = br_tree_search_begin(&search, fd, &range, err)) < 0 ||
	    (r = br_tree_search_next(&search, &item, err)) < 0)
		return r;
	if (r > 0 && item.size >= sizeof(*id_ret)) {
		memcpy(id_ret, item.data, sizeof(*id_ret));
		*id_ret = le64toh(*id_ret);
	}
	return 0;
}

static bool is_zero(const uint8_t *uuid)
{
	static const uint8_t zero[BR_UUID_SIZE];

	return memcmp(uuid, zero, BR_UUID_SIZE) == 0;
}

static bool is_in_chain(const struct chain *chain, const uint8_t *uuid)
{
	for (size_t i = 0; i < chain->count; i++)
		if (memcmp(chain->ancestors[i].uuid, uuid, BR_UUID_SIZE) == 0)
			return true;
	return false;
}

static int chain_make(int fd, const struct br_subvol *subvol, struct chain *chain,
		      struct br_error *err)
{
	struct btrfs_util_subvolume_info info;
	uint8_t uuid[BR_UUID_SIZE];
	uint64_t id;
	int r = chain_add(chain, subvol->uuid, subvol->otransid, err);

	memcpy(uuid, subvol->parent_uuid, BR_UUID_SIZE);
	/* a chain that bites its tail is a damaged file system, not a reason to hang */
	while (r == 0 && !is_zero(uuid) && !is_in_chain(chain, uuid)) {
		if ((r = find_by_uuid(fd, uuid, &id, err)) < 0)
			return r;
		if (id == 0 || btrfs_util_subvolume_info_fd(fd, id, &info))
			return chain_add(chain, uuid, 0, err);
		r = chain_add(chain, uuid, info.otransid, err);
		memcpy(uuid, info.parent_uuid, BR_UUID_SIZE);
	}
	return r;
}

/* Both began to differ from the common ancestor when the first snapshot of it was made. */
static uint64_t meet(const struct chain *a, const struct chain *b)
{
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++) {
			uint64_t since = UINT64_MAX;

			if (memcmp(a->ancestors[i].uuid, b->ancestors[j].uuid, BR_UUID_SIZE) != 0)
				continue;
			if (i > 0)
				since = a->ancestors[i - 1].otransid;
			if (j > 0 && b->ancestors[j - 1].otransid < since)
				since = b->ancestors[j - 1].otransid;
			return since;
		}
	}
	return 0;
}

int br_lineage_common(int fd, const struct br_subvol *a, const struct br_subvol *b,
		      uint64_t *transid_ret, struct br_error *err)
{
	struct chain of_a = { 0 }, of_b = { 0 };
	int r = chain_make(fd, a, &of_a, err);

	if (r == 0)
		r = chain_make(fd, b, &of_b, err);
	if (r == 0)
		*transid_ret = meet(&of_a, &of_b);
	free(of_a.ancestors);
	free(of_b.ancestors);
	return r;
}
