/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are two trees the same? Asked of external programs. */
#include "oracle.h"

#include "cleanup.h"
#include "facts-list.h"
#include "run.h"

#include <check.h>
#include <string.h>

#define TIMEOUT 300

/* A command line that grows, ended by NULL. */
struct words {
	const char *word[96];
	size_t count;
};

static void add_words(struct words *words, const char *const *more)
{
	for (; *more; more++) {
		ck_assert(words->count + 1 < sizeof(words->word) / sizeof(words->word[0]));
		words->word[words->count++] = *more;
	}
	words->word[words->count] = NULL;
}

#define ADD(words, ...) add_words((words), (const char *const[]){ __VA_ARGS__, NULL })

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

/* find with what is skipped pruned, and then further words of an expression. */
static char *find(int dirfd, const struct oracle_options *options, const char *const *expression,
		  size_t *size_ret)
{
	struct words words = { .count = 0 };
	char path[8][512], start[512];

	snprintf(start, sizeof(start), "./%s", options->only ? options->only : ".");
	ADD(&words, "find", options->only ? start : ".");
	for (size_t i = 0; options->skip && options->skip[i]; i++) {
		ck_assert_uint_lt(i, 8);
		snprintf(path[i], sizeof(path[i]), "./%s", options->skip[i]);
		ADD(&words, "-path", path[i], "-prune", "-o");
	}
	add_words(&words, expression);
	return ask(dirfd, words.word, NULL, 0, size_ret);
}

#define FIND(dirfd, options, size_ret, ...) \
	find((dirfd), (options), (const char *const[]){ __VA_ARGS__, NULL }, (size_ret))

/* Give names that find printed to a program, as arguments. */
static char *ask_about(int dirfd, const char *names, size_t size, const char *const *program,
		       size_t *size_ret)
{
	struct words words = { .count = 0 };

	ADD(&words, "xargs", "-0", "-r");
	add_words(&words, program);
	return ask(dirfd, words.word, names, size, size_ret);
}

#define ASK_ABOUT(dirfd, names, size, size_ret, ...) \
	ask_about((dirfd), (names), (size), (const char *const[]){ __VA_ARGS__, NULL }, (size_ret))

/* Take "path NUL fact NUL" apart. */
static void add_pairs(struct facts *facts, const char *text, size_t size)
{
	for (const char *end = text + size; text < end;) {
		const char *path = text;
		const char *what = path + strlen(path) + 1;

		ck_assert(what < end);
		facts_add(facts, path, strlen(path), what);
		text = what + strlen(what) + 1;
	}
}

/* A place-holder's times are those of the moment at which the kernel met it: add_subvolumes tells of it. */
static void add_inodes(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	size_t size;
	char format[256];

	snprintf(format, sizeof(format),
		 "%%p\\0%%y mode=%%#m owner=%%U:%%G size=%%s mtime=%%T@%s%s%s target=%%l\\0",
		 options->flags & ORACLE_NO_ATIME ? "" : " atime=%A@",
		 options->flags & ORACLE_NO_EXTENTS ? "" : " blocks=%b",
		 options->flags & ORACLE_CTIME ? " inode=%i ctime=%C@" : "");
	BR_AUTO_FREE char *text = FIND(dirfd, options, &size, "-not", "-inum", "2", "-printf",
				       format);
	add_pairs(facts, text, size);
	BR_AUTO_FREE char *devices = FIND(dirfd, options, &size, "(", "-type", "b", "-o", "-type",
					  "c", ")", "-exec", "stat", "--printf",
					  "%n\\0device=%t:%T\\0", "{}", "+");
	add_pairs(facts, devices, size);
}

static void add_subvolumes(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	size_t size;
	BR_AUTO_FREE char *names = FIND(dirfd, options, &size, "-type", "d", "-inum", "256",
					"-print0");

	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		const char *const argv[] = { "btrfs", "property", "get", "-ts", name, "ro", NULL };
		BR_AUTO_FREE char *property = run_checked(dirfd, argv);
		char what[64];

		snprintf(what, sizeof(what), "subvolume %.*s", (int)strcspn(property, "\n"),
			 property);
		facts_add(facts, name, strlen(name), what);
	}
	BR_AUTO_FREE char *empty = FIND(dirfd, options, &size, "-type", "d", "-inum", "2",
					"-printf", "%p\\0place-holder of a subvolume\\0");
	add_pairs(facts, empty, size);
}

/* A name of an object that may have several. */
struct name {
	const char *path, *inode;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->inode, y->inode);

	return order ? order : strcmp(x->path, y->path);
}

/* names[0..count) are one object: tell each which one is the first, and how many they are. */
static void add_link_group(struct facts *facts, const struct name *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		BR_AUTO_FREE char *what = NULL;

		ck_assert(asprintf(&what, "%zu names in the tree, first %s", count, names[0].path) >
			  0);
		facts_add(facts, names[i].path, strlen(names[i].path), what);
	}
}

static void add_links(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	size_t size, count = 0;
	BR_AUTO_FREE char *text = FIND(dirfd, options, &size, "-not", "-type", "d", "-links", "+1",
				       "-printf", "%p\\0%D:%i\\0");
	BR_AUTO_FREE struct name *names = calloc(size / 4 + 1, sizeof(*names));

	ck_assert_ptr_nonnull(names);
	for (const char *at = text; at < text + size; count++) {
		names[count].path = at;
		names[count].inode = at + strlen(at) + 1;
		at = names[count].inode + strlen(names[count].inode) + 1;
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0, n; i < count; i += n) {
		n = 1;
		while (i + n < count && strcmp(names[i].inode, names[i + n].inode) == 0)
			n++;
		add_link_group(facts, &names[i], n);
	}
}

/* getfattr prints "# file: NAME", then a line for each attribute, then an empty one. */
static void add_xattrs(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	static const char header[] = "# file: ";
	size_t size, names_size;
	BR_AUTO_FREE char *names = FIND(dirfd, options, &names_size, "-print0");
	BR_AUTO_FREE char *text = ASK_ABOUT(dirfd, names, names_size, &size, "getfattr", "-dh",
					    "-m-", "-e", "hex", "--absolute-names", "--");
	const char *path = text;
	char *next = text;

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		if (strncmp(line, header, sizeof(header) - 1) == 0)
			path = line + sizeof(header) - 1;
		else if (*line)
			facts_add(facts, path, strlen(path), line);
	}
}

/*
 * "FLAGS NAME", not of special files: lsattr would have to open them. The place-holder of a subvolume (inode 2)
 * has none.
 */
static void add_flags(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	size_t size, names_size;
	BR_AUTO_FREE char *names = FIND(dirfd, options, &names_size, "(", "-type", "f", "-o",
					"-type", "d", "-not", "-inum", "2", ")", "-print0");
	BR_AUTO_FREE char *text = ASK_ABOUT(dirfd, names, names_size, &size, "lsattr", "-d", "--");
	char *next = text;

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		char *path = strchr(line, ' ');

		if (!path)
			continue; /* the rest of a name with a newline */
		*path++ = '\0';
		facts_add(facts, path, strlen(path), line);
	}
}

/* From "   0:   0..  24:  3328..  3352:  25:  last,shared,eof" what a copy must have in common. */
static void add_extent(struct facts *facts, const char *path, size_t path_size, const char *line)
{
	unsigned long long from, to, physical;
	char what[128];

	if (sscanf(line, " %*u: %llu.. %llu: %llu..", &from, &to, &physical) != 3)
		return;
	snprintf(what, sizeof(what), "extent %llu to %llu at %llu%s%s%s", from, to, physical,
		 strstr(line, "unwritten") ? " unwritten" : "",
		 strstr(line, "inline") ? " inline" : "",
		 strstr(line, "encoded") ? " encoded" : "");
	facts_add(facts, path, path_size, what);
}

static void add_extents(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	static const char header[] = "File size of ";
	size_t size, names_size;
	BR_AUTO_FREE char *names = FIND(dirfd, options, &names_size, "-type", "f", "-size", "+0c",
					"-print0");
	BR_AUTO_FREE char *text = ASK_ABOUT(dirfd, names, names_size, &size, "filefrag", "-vs");
	char *next = text;
	const char *path = "";
	size_t path_size = 0;

	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		const char *end = strstr(line, " is ");

		if (strncmp(line, header, sizeof(header) - 1) == 0 && end) {
			path = line + sizeof(header) - 1;
			path_size = (size_t)(end - path);
		} else {
			add_extent(facts, path, path_size, line);
		}
	}
}

static void add_content(struct facts *facts, int dirfd, const struct oracle_options *options)
{
	size_t size, names_size;
	BR_AUTO_FREE char *names = FIND(dirfd, options, &names_size, "-type", "f", "-print0");
	BR_AUTO_FREE char *text = ASK_ABOUT(dirfd, names, names_size, &size, "sha256sum", "-z",
					    "--");

	for (char *line = text; line < text + size;) {
		char *path = strstr(line, "  ");

		ck_assert_ptr_nonnull(path);
		*path = '\0';
		path += 2;
		facts_add(facts, path, strlen(path), line);
		line = path + strlen(path) + 1;
	}
}

static const struct oracle_options default_options = { .flags = ORACLE_ALL };

struct facts *oracle_facts(int dirfd, const struct oracle_options *options)
{
	struct facts *facts = facts_new();

	options = options ? options : &default_options;
	add_inodes(facts, dirfd, options);
	add_subvolumes(facts, dirfd, options);
	add_links(facts, dirfd, options);
	add_xattrs(facts, dirfd, options);
	add_flags(facts, dirfd, options);
	if (!(options->flags & ORACLE_NO_EXTENTS))
		add_extents(facts, dirfd, options);
	if (options->flags & ORACLE_CONTENT)
		add_content(facts, dirfd, options);
	facts_sort(facts);
	return facts;
}

char *oracle_rsync(int a, int b, const char *const *skip)
{
	struct words words = { .count = 0 };
	char from[48], to[48], exclude[8][512];
	size_t size;

	snprintf(from, sizeof(from), "/proc/%d/fd/%d/", (int)getpid(), a);
	snprintf(to, sizeof(to), "/proc/%d/fd/%d/", (int)getpid(), b);
	ADD(&words, "rsync", "-aHAX", "--checksum", "--dry-run", "--delete", "--numeric-ids");
	ADD(&words, "--modify-window=-1", "--out-format=%n: rsync %i%L");
	for (size_t i = 0; skip && skip[i]; i++) {
		ck_assert_uint_lt(i, 8);
		snprintf(exclude[i], sizeof(exclude[i]), "--exclude=/%s", skip[i]);
		ADD(&words, exclude[i]);
	}
	ADD(&words, from, to);
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
