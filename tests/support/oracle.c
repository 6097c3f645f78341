/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are two trees the same? Asked of external programs. */
#include "oracle.h"

#include "cleanup.h"
#include "facts-list.h"
#include "run.h"
#include "words.h"

#include <check.h>
#include <string.h>

#define TIMEOUT 300

/* What one program says, given input. It must succeed. Owned by the caller. */
static char *ask(int cwd, const char *const *argv, const char *input, size_t input_size,
		 size_t *size_ret)
{
	struct run_result result;

	run(&(struct run_options){ .argv = argv,
				   .cwd = cwd,
				   .input = input,
				   .input_size = input_size,
				   .timeout = TIMEOUT },
	    &result);
	ck_assert_msg(result.code == 0, "%s: exit %d\n%s", argv[0], result.code, result.err);
	free(result.err);
	*size_ret = result.out_size;
	return result.out;
}

/*
 * What find says about an object; all but path and what for choosing which other programs to ask.
 */
struct object {
	const char *path;
	const char *type;   /* "f", "d" ... */
	const char *number; /* of its inode */
	const char *device;
	const char *links;
	const char *size;
	const char *what;
};

/* A tree while it is asked about. */
struct tree {
	int dirfd;
	const struct oracle_options *options;
	struct facts *facts;
	char *text; /* of find, which the objects point into */
	struct object *objects;
	size_t count;
};

#define OBJECT_FIELDS "%p\\0%y\\0%i\\0%D\\0%n\\0%s\\0"

/* One find for all, for programs take longer to start than to look at a small tree. */
static char *find(const struct tree *tree, size_t *size_ret)
{
	const struct oracle_options *options = tree->options;
	struct words words = { .count = 0 };
	char path[8][512], start[512], format[320];

	snprintf(start, sizeof(start), "./%s", options->only ? options->only : ".");
	WORDS_ADD(&words, "find", options->only ? start : ".");
	for (size_t i = 0; options->skip && options->skip[i]; i++) {
		ck_assert_uint_lt(i, 8);
		snprintf(path[i], sizeof(path[i]), "./%s", options->skip[i]);
		WORDS_ADD(&words, "-path", path[i], "-prune", "-o");
	}
	snprintf(format, sizeof(format), "%s%s%s%s%s%s", OBJECT_FIELDS,
		 "%y mode=%#m owner=%U:%G size=%s mtime=%T@",
		 options->flags & ORACLE_NO_ATIME ? "" : " atime=%A@",
		 options->flags & ORACLE_NO_EXTENTS ? "" : " blocks=%b",
		 options->flags & ORACLE_CTIME ? " inode=%i ctime=%C@" : "", " target=%l\\0");
	WORDS_ADD(&words, "-printf", format);
	return ask(tree->dirfd, words.word, NULL, 0, size_ret);
}

static const char *next_field(char **at, const char *end)
{
	const char *field = *at;

	ck_assert_msg(field < end, "find: unfinished output");
	*at += strlen(field) + 1;
	return field;
}

static void read_objects(struct tree *tree)
{
	size_t size, room = 0;
	char *at = tree->text = find(tree, &size);
	const char *end = at + size;

	while (at < end) {
		if (tree->count == room) {
			room = room ? room * 2 : 256;
			tree->objects = reallocarray(tree->objects, room, sizeof(*tree->objects));
			ck_assert_ptr_nonnull(tree->objects);
		}
		struct object *object = &tree->objects[tree->count++];
		object->path = next_field(&at, end);
		object->type = next_field(&at, end);
		object->number = next_field(&at, end);
		object->device = next_field(&at, end);
		object->links = next_field(&at, end);
		object->size = next_field(&at, end);
		object->what = next_field(&at, end);
	}
}

static bool is_directory(const struct object *object)
{
	return *object->type == 'd';
}

static bool is_file(const struct object *object)
{
	return *object->type == 'f';
}

static bool is_filled_file(const struct object *object)
{
	return is_file(object) && strcmp(object->size, "0") != 0;
}

static bool is_device(const struct object *object)
{
	return *object->type == 'b' || *object->type == 'c';
}

static bool is_subvolume(const struct object *object)
{
	return is_directory(object) && strcmp(object->number, "256") == 0;
}

/* What a snapshot has in place of a nested subvolume. */
static bool is_place_holder(const struct object *object)
{
	return is_directory(object) && strcmp(object->number, "2") == 0;
}

/* lsattr would have to open the others; a place-holder has no flags. */
static bool has_flags(const struct object *object)
{
	return is_file(object) || (is_directory(object) && !is_place_holder(object));
}

static bool has_several_names(const struct object *object)
{
	return !is_directory(object) && strcmp(object->links, "1") != 0;
}

static bool is_any(const struct object *object)
{
	return *object->path != '\0';
}

static void add_fact(const struct tree *tree, const char *path, const char *what)
{
	facts_add(tree->facts, path, strlen(path), what);
}

/*
 * Give the names of some objects to a program. Returns what it says, owned by the caller; NULL:
 * there are none.
 */
static char *ask_about(const struct tree *tree, bool (*is_wanted)(const struct object *),
		       const char *const *program, size_t *size_ret)
{
	struct words words = { .count = 0 };
	struct text names;

	text_begin(&names);
	for (size_t i = 0; i < tree->count; i++) {
		if (is_wanted(&tree->objects[i]))
			(void)fwrite(tree->objects[i].path, strlen(tree->objects[i].path) + 1, 1,
				     names.stream);
	}
	BR_AUTO_FREE char *text = text_end(&names);
	if (names.size == 0)
		return NULL;
	WORDS_ADD(&words, "xargs", "-0", "-r");
	words_add(&words, program);
	return ask(tree->dirfd, words.word, text, names.size, size_ret);
}

#define ASK_ABOUT(tree, is_wanted, size_ret, ...) \
	ask_about((tree), (is_wanted), (const char *const[]){ __VA_ARGS__, NULL }, (size_ret))

/* A place-holder's times are those of the moment at which the kernel met it. */
static void add_inodes(const struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct object *object = &tree->objects[i];

		add_fact(tree, object->path,
			 is_place_holder(object) ? "place-holder of a subvolume" : object->what);
	}
}

static void add_devices(const struct tree *tree)
{
	size_t size = 0;
	BR_AUTO_FREE char *text = ASK_ABOUT(tree, is_device, &size, "stat", "--printf",
					    "%n\\0device=%t:%T\\0");
	char *at = text;

	while (text && at < text + size) {
		const char *path = next_field(&at, text + size);

		add_fact(tree, path, next_field(&at, text + size));
	}
}

static void add_subvolumes(const struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const char *const argv[] = {
			"btrfs", "property", "get", "-ts", tree->objects[i].path, "ro", NULL
		};
		char what[64];

		if (!is_subvolume(&tree->objects[i]))
			continue;
		BR_AUTO_FREE char *property = run_checked(tree->dirfd, argv);
		snprintf(what, sizeof(what), "subvolume %.*s", (int)strcspn(property, "\n"),
			 property);
		add_fact(tree, tree->objects[i].path, what);
	}
}

static int compare_objects(const void *a, const void *b)
{
	const struct object *x = *(const struct object *const *)a,
			    *y = *(const struct object *const *)b;
	int order = strcmp(x->device, y->device);

	order = order ? order : strcmp(x->number, y->number);
	return order ? order : strcmp(x->path, y->path);
}

/* These names are one object: tell each which one is the first, and how many they are. */
static void add_link_group(const struct tree *tree, const struct object *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		BR_AUTO_FREE char *what = NULL;

		ck_assert(asprintf(&what, "%zu names in the tree, first %s", count,
				   names[0]->path) > 0);
		add_fact(tree, names[i]->path, what);
	}
}

static void add_links(const struct tree *tree)
{
	BR_AUTO_FREE const struct object **names = calloc(tree->count + 1, sizeof(*names));
	size_t count = 0;

	ck_assert_ptr_nonnull(names);
	for (size_t i = 0; i < tree->count; i++) {
		if (has_several_names(&tree->objects[i]))
			names[count++] = &tree->objects[i];
	}
	qsort(names, count, sizeof(*names), compare_objects);
	for (size_t i = 0, n; i < count; i += n) {
		n = 1;
		while (i + n < count && strcmp(names[i]->number, names[i + n]->number) == 0 &&
		       strcmp(names[i]->device, names[i + n]->device) == 0)
			n++;
		add_link_group(tree, &names[i], n);
	}
}

/* getfattr prints "# file: NAME", then a line for each attribute, then an empty one. */
static void add_xattrs(const struct tree *tree)
{
	static const char header[] = "# file: ";
	size_t size;
	BR_AUTO_FREE char *text = ASK_ABOUT(tree, is_any, &size, "getfattr", "-dh", "-m-", "-e",
					    "hex", "--absolute-names", "--");
	const char *path = text;
	char *next = text;

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		if (strncmp(line, header, sizeof(header) - 1) == 0)
			path = line + sizeof(header) - 1;
		else if (*line)
			add_fact(tree, path, line);
	}
}

/* "FLAGS NAME" */
static void add_flags(const struct tree *tree)
{
	size_t size;
	BR_AUTO_FREE char *text = ASK_ABOUT(tree, has_flags, &size, "lsattr", "-d", "--");
	char *next = text;

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		char *path = strchr(line, ' ');

		if (!path)
			continue; /* the rest of a name with a newline */
		*path++ = '\0';
		add_fact(tree, path, line);
	}
}

/* From "   0:   0..  24:  3328..  3352:  25:  last,shared,eof" what a copy must have in common. */
static void add_extent(const struct tree *tree, const char *path, size_t path_size,
		       const char *line)
{
	unsigned long long from, to, physical;
	char what[128];

	if (sscanf(line, " %*u: %llu.. %llu: %llu..", &from, &to, &physical) != 3)
		return;
	snprintf(what, sizeof(what), "extent %llu to %llu at %llu%s%s%s", from, to, physical,
		 strstr(line, "unwritten") ? " unwritten" : "",
		 strstr(line, "inline") ? " inline" : "",
		 strstr(line, "encoded") ? " encoded" : "");
	facts_add(tree->facts, path, path_size, what);
}

/* The rest of a name with a newline belongs to the line, whatever comes before it in the directory. */
static const char *end_of_name(char *line, char **next)
{
	char *end = strstr(line, " is ");

	if (end || !*next)
		return end;
	(*next)[-1] = '\n';
	end = strstr(line, " is ");
	if (end) {
		*next = end;
		(void)strsep(next, "\n");
	}
	return end;
}

static void add_extents(const struct tree *tree)
{
	static const char header[] = "File size of ";
	size_t size, path_size = 0;
	BR_AUTO_FREE char *text = ASK_ABOUT(tree, is_filled_file, &size, "filefrag", "-vs");
	char *next = text;
	const char *path = "";

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		bool is_header = strncmp(line, header, sizeof(header) - 1) == 0;
		const char *end = is_header ? end_of_name(line, &next) : NULL;

		if (end) {
			path = line + sizeof(header) - 1;
			path_size = (size_t)(end - path);
		} else {
			add_extent(tree, path, path_size, line);
		}
	}
}

static void add_content(const struct tree *tree)
{
	size_t size = 0;
	BR_AUTO_FREE char *text = ASK_ABOUT(tree, is_file, &size, "sha256sum", "-z", "--");

	for (char *line = text; text && line < text + size;) {
		char *path = strstr(line, "  ");

		ck_assert_ptr_nonnull(path);
		*path = '\0';
		path += 2;
		add_fact(tree, path, line);
		line = path + strlen(path) + 1;
	}
}

static const struct oracle_options default_options = { .flags = ORACLE_ALL };

struct facts *oracle_facts(int dirfd, const struct oracle_options *options)
{
	struct tree tree = { .dirfd = dirfd,
			     .options = options ? options : &default_options,
			     .facts = facts_new() };

	read_objects(&tree);
	add_inodes(&tree);
	add_devices(&tree);
	add_subvolumes(&tree);
	add_links(&tree);
	add_xattrs(&tree);
	add_flags(&tree);
	if (!(tree.options->flags & ORACLE_NO_EXTENTS))
		add_extents(&tree);
	if (tree.options->flags & ORACLE_CONTENT)
		add_content(&tree);
	free(tree.objects);
	free(tree.text);
	facts_sort(tree.facts);
	return tree.facts;
}

char *oracle_rsync(int a, int b, const char *const *skip)
{
	struct words words = { .count = 0 };
	char from[48], to[48], exclude[8][512];
	size_t size;

	snprintf(from, sizeof(from), "/proc/%d/fd/%d/", (int)getpid(), a);
	snprintf(to, sizeof(to), "/proc/%d/fd/%d/", (int)getpid(), b);
	WORDS_ADD(&words, "rsync", "-aHAX", "--checksum", "--dry-run", "--delete", "--numeric-ids");
	WORDS_ADD(&words, "--modify-window=-1", "--out-format=%n: rsync %i%L");
	for (size_t i = 0; skip && skip[i]; i++) {
		ck_assert_uint_lt(i, 8);
		snprintf(exclude[i], sizeof(exclude[i]), "--exclude=/%s", skip[i]);
		WORDS_ADD(&words, exclude[i]);
	}
	WORDS_ADD(&words, from, to);
	return ask(0, words.word, NULL, 0, &size);
}

char *oracle_compare(int a, int b, const struct oracle_options *options)
{
	options = options ? options : &default_options;
	struct facts *of_a = oracle_facts(a, options);
	struct facts *of_b = oracle_facts(b, options);
	BR_AUTO_FREE char *facts = oracle_diff(of_a, of_b);
	BR_AUTO_FREE char *rsync = oracle_rsync(a, b, options->skip);
	char *both = NULL;

	facts_free(of_a);
	facts_free(of_b);
	ck_assert(asprintf(&both, "%s%s", facts, rsync) >= 0);
	return both;
}
