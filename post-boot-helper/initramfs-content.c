/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot has in an initramfs image. */
#include "initramfs-content.h"

#include "cleanup.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM_MAX (32UL << 20)
#define TEXT_MAX (4UL << 20)
#define LINKS_MAX 8
#define KEPT_MAX (128UL << 20) /* bytes of all files that are kept of an image */
#define FILES_MAX 1000
#define MODULES_DIR "usr/lib/modules/"

/* What is kept of an image. "*" matches slashes too. */
static const struct {
	const char *pattern;
	size_t limit;
} wanted[] = {
	{ "*/blankroot-initrd", PROGRAM_MAX },
	{ "*blankroot.conf", TEXT_MAX },
	{ "etc/blankroot.conf.d/*", TEXT_MAX },
	{ "*/blankroot-reset.service", TEXT_MAX },
	{ "*/*blankroot-reset.sh", TEXT_MAX },
	{ "*/local-premount/blankroot", TEXT_MAX },
	{ "*/local-premount/ORDER", TEXT_MAX },
	{ "hooks/blankroot", TEXT_MAX },
	{ "config", TEXT_MAX },
	{ "init", TEXT_MAX },
	{ MODULES_DIR "*/modules.dep", TEXT_MAX },
	{ MODULES_DIR "*/modules.builtin", TEXT_MAX },
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* The path with /usr merged, owned by the caller; NULL: no memory. */
static char *merged(const char *path)
{
	static const char *const moved[] = { "bin/", "sbin/", "lib/", "lib64/" };
	char *name = NULL;

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		if (strncmp(path, moved[i], strlen(moved[i])) == 0)
			return asprintf(&name, "usr/%s", path) < 0 ? NULL : name;
	return strdup(path);
}

static size_t limit_of(const char *path)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (fnmatch(wanted[i].pattern, path, 0) == 0)
			return wanted[i].limit;
	return 0;
}

/* Entries that only one kind of generator makes. */
static enum initramfs_maker maker_of(const char *path)
{
	static const struct {
		const char *path;
		enum initramfs_maker maker;
	} marks[] = {
		{ "conf/initramfs.conf", INITRAMFS_TOOLS },
		{ "scripts/functions", INITRAMFS_TOOLS },
		{ "usr/lib/dracut", INITRAMFS_DRACUT },
		{ "usr/lib/dracut/*", INITRAMFS_DRACUT },
		{ "init_functions", INITRAMFS_MKINITCPIO },
		{ "buildconfig", INITRAMFS_MKINITCPIO },
		{ "nix/store/*", INITRAMFS_NIXOS },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (fnmatch(marks[i].path, path, 0) == 0)
			return marks[i].maker;
	return INITRAMFS_UNKNOWN;
}

char *initramfs_module_name(const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);
	const char *name = slash ? slash + 1 : path;
	const char *end = memmem(name, length - (size_t)(name - path), ".ko", 3);
	char *copy;

	if (!end || end == name)
		return NULL;
	copy = strndup(name, (size_t)(end - name));
	for (char *at = copy; at && *at; at++)
		if (*at == '-')
			*at = '_';
	return copy;
}

static bool add_module(struct initramfs_content *content, const char *path)
{
	char *name = initramfs_module_name(path, strlen(path));

	if (!name)
		return false;
	if (content->module_count == content->module_room) {
		size_t room = content->module_room ? 2 * content->module_room : 64;
		char **grown = reallocarray(content->modules, room, sizeof(*grown));

		if (!grown) {
			free(name);
			return false;
		}
		content->modules = grown;
		content->module_room = room;
	}
	content->modules[content->module_count++] = name;
	return true;
}

/* What is read of an image, and whether memory has run out meanwhile. */
struct gather {
	struct initramfs_content *content;
	size_t kept;
	bool failed;
};

static void note_module(struct gather *gather, const char *path)
{
	const char *version = path + strlen(MODULES_DIR);
	size_t length = strcspn(version, "/");

	if (length == 0)
		return;
	if (!gather->content->kernel) {
		gather->content->kernel = strndup(version, length);
		gather->failed |= !gather->content->kernel;
	}
	if (strstr(version, ".ko"))
		gather->failed |= !add_module(gather->content, path);
}

static bool put_file(struct initramfs_content *content, struct initramfs_file file)
{
	struct initramfs_file *grown;

	for (size_t i = 0; i < content->file_count; i++) {
		struct initramfs_file *earlier = &content->files[i];

		if (strcmp(earlier->path, file.path) != 0)
			continue;
		free(earlier->path);
		free(earlier->content);
		free(earlier->link);
		*earlier = file;
		return true;
	}
	grown = reallocarray(content->files, content->file_count + 1, sizeof(*grown));
	if (!grown)
		return false;
	content->files = grown;
	grown[content->file_count++] = file;
	return true;
}

static void note_link(struct gather *gather, const char *path, const char *target)
{
	struct initramfs_file file = { .path = strdup(path), .link = strdup(target ? target : "") };

	if (!file.path || !file.link || !put_file(gather->content, file)) {
		free(file.path);
		free(file.link);
		gather->failed = true;
	}
}

static size_t want(void *data, const struct initramfs_member *member)
{
	struct gather *gather = data;
	BR_AUTO_FREE char *path = merged(member->path);
	enum initramfs_maker maker;
	size_t limit;

	if (!path) {
		gather->failed = true;
		return 0;
	}
	maker = maker_of(path);
	if (maker != INITRAMFS_UNKNOWN)
		gather->content->maker = maker;
	if (fnmatch("*/lib/systemd/systemd", path, 0) == 0)
		gather->content->has_systemd = true;
	if (strncmp(path, MODULES_DIR, strlen(MODULES_DIR)) == 0)
		note_module(gather, path);
	if (fnmatch("*.wants/blankroot-reset.service", path, 0) == 0 ||
	    fnmatch("*.requires/blankroot-reset.service", path, 0) == 0) {
		gather->content->starts_unit = true;
		return 0;
	}
	limit = limit_of(path);
	if (limit > 0 && S_ISLNK(member->mode))
		note_link(gather, path, member->link);
	return limit;
}

static int take(void *data, const char *path, char *text, size_t size, struct br_error *err)
{
	struct gather *gather = data;
	struct initramfs_file file = { .path = merged(path), .content = text, .size = size };
	bool is_too_much = (gather->kept += size) > KEPT_MAX ||
			   gather->content->file_count >= FILES_MAX;

	if (!is_too_much && file.path && put_file(gather->content, file))
		return 0;
	free(file.path);
	free(text);
	return is_too_much ? br_error_set(err, BR_ERR_READ, 0, NULL,
					  "too many files in it look like blankroot's")
			   : no_memory(err);
}

int initramfs_content_read(int fd, uint64_t offset, uint64_t length, struct initramfs_content *ret,
			   struct br_error *err)
{
	struct initramfs_content content = { 0 };
	struct gather gather = { .content = &content };
	const struct initramfs_visitor visitor = { want, take, &gather };
	int r = initramfs_read(fd, offset, length, &visitor, err);

	if (r == 0 && gather.failed)
		r = no_memory(err);
	if (r < 0) {
		initramfs_content_free(&content);
		return r;
	}
	*ret = content;
	return 0;
}

void initramfs_content_free(struct initramfs_content *content)
{
	if (!content)
		return;
	for (size_t i = 0; i < content->file_count; i++) {
		free(content->files[i].path);
		free(content->files[i].content);
		free(content->files[i].link);
	}
	for (size_t i = 0; i < content->module_count; i++)
		free(content->modules[i]);
	free(content->files);
	free(content->modules);
	free(content->kernel);
	*content = (struct initramfs_content){ 0 };
}

static const struct initramfs_file *find_plain(const struct initramfs_content *content,
					       const char *path)
{
	for (size_t i = 0; i < content->file_count; i++)
		if (strcmp(content->files[i].path, path) == 0)
			return &content->files[i];
	return NULL;
}

const struct initramfs_file *initramfs_content_find(const struct initramfs_content *content,
						    const char *path)
{
	const struct initramfs_file *file = find_plain(content, path);

	/* absolute targets alone: others do not lead to what is kept */
	for (unsigned i = 0; file && file->link && i < LINKS_MAX; i++)
		file = file->link[0] == '/' ? find_plain(content, file->link + 1) : NULL;
	return file && !file->link ? file : NULL;
}

const struct initramfs_file *initramfs_content_find_name(const struct initramfs_content *content,
							 const char *name)
{
	for (size_t i = 0; i < content->file_count; i++) {
		const char *slash = strrchr(content->files[i].path, '/');

		if (!content->files[i].link &&
		    strcmp(slash ? slash + 1 : content->files[i].path, name) == 0)
			return &content->files[i];
	}
	return NULL;
}

const struct initramfs_file *initramfs_content_config(const struct initramfs_content *content)
{
	const struct initramfs_file *file = initramfs_content_find(content, "etc/blankroot.conf");

	for (size_t i = 0; !file && i < content->file_count; i++)
		if (fnmatch("nix/store/*-blankroot.conf", content->files[i].path, 0) == 0 &&
		    !content->files[i].link)
			file = &content->files[i];
	return file;
}

static bool same_module(const char *in_image, const char *name)
{
	for (; *in_image && *name; in_image++, name++)
		if (*in_image != (*name == '-' ? '_' : *name))
			return false;
	return *in_image == *name;
}

bool initramfs_content_has_module(const struct initramfs_content *content, const char *name)
{
	for (size_t i = 0; i < content->module_count; i++)
		if (same_module(content->modules[i], name))
			return true;
	return false;
}
