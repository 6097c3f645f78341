/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One configuration file through libconfuse. Every value is stored the moment it is met, because
 * only then is its line known: libconfuse keeps none for values, and of a section only the last
 * one.
 */
#include "config-internal.h"

#include "cleanup.h"

#include <confuse.h>
#include <stdarg.h>
#include <string.h>

/*
 * Options that no file can name, since config-text.c lets no control character through. The first
 * gives call-backs, which get no pointer of ours, the parse they belong to. The second has a
 * default, which libconfuse parses when a section begins: that is how we hear of it.
 */
#define PARSE_OPTION "\001"
#define BEGIN_OPTION "\002"

#define OPTIONS_MAX (BR_CONFIG_KEYS_MAX + BR_SECTION_COUNT + 2)

/* What libconfuse holds for a value that is already stored. */
struct mark {
	struct parse *parse;
	const char *name; /* of the key */
	unsigned line;
};

struct parse {
	struct br_config *config;
	const char *file;
	struct br_error *err;
	int result;                     /* the first failure is the one that counts */
	struct br_ephemeral *ephemeral; /* the section we are in, or were in last */
	unsigned line;                  /* of what was met last */
	struct mark dropped;            /* a value that a second "key =" replaced; line 0: none */
	char begin[sizeof("{begin}")];  /* libconfuse wants defaults writable, and copies them */
};

static struct parse *parse_of(cfg_t *cfg)
{
	return (struct parse *)(void *)cfg_getopt(cfg, PARSE_OPTION)->simple_value.ptr;
}

static enum br_config_section section_of(cfg_t *cfg)
{
	for (int i = BR_SECTION_EPHEMERAL; i < BR_SECTION_COUNT; i++)
		if (strcmp(cfg_name(cfg), br_config_section_name((enum br_config_section)i)) == 0)
			return (enum br_config_section)i;
	return BR_SECTION_TOP;
}

/* Put the place in front of the error; it ends the parse. Returns its code. */
static int stop_at(struct parse *parse, unsigned line)
{
	parse->result = br_error_context(parse->err, "%s:%u", parse->file, line);
	return parse->result;
}

/* The same, and the section too. */
static int stop_in(struct parse *parse, cfg_t *cfg)
{
	enum br_config_section section = section_of(cfg);

	if (section == BR_SECTION_PATH)
		(void)br_config_blame(parse->err, "path", cfg_title(cfg));
	if (section == BR_SECTION_PATH || section == BR_SECTION_EPHEMERAL)
		(void)br_error_context(parse->err, "ephemeral %s", parse->ephemeral->name);
	else if (section != BR_SECTION_TOP)
		(void)br_error_context(parse->err, "%s", cfg_name(cfg));
	return stop_at(parse, (unsigned)cfg->line);
}

static void refuse_unknown(cfg_t *cfg, const char *name, struct br_error *err)
{
	const char *names[OPTIONS_MAX + 1];
	const char *hint;
	size_t count = 0;

	for (cfg_opt_t *opt = cfg->opts; opt->name; opt++)
		if (*opt->name > ' ')
			names[count++] = opt->name;
	names[count] = NULL;
	hint = br_config_hint(name, names);
	(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "unknown key \"%.64s\"", name);
	if (hint)
		(void)br_error_set(err, BR_ERR_CONFIG, 0, NULL, "%s; did you mean \"%s\"?",
				   err->text, hint);
}

static void refuse_second_section(cfg_t *cfg, const char *title, struct parse *parse)
{
	cfg_t *first = cfg_gettsec(cfg, br_config_section_name(BR_SECTION_EPHEMERAL), title);
	const struct mark *mark = cfg_getnptr(first, BEGIN_OPTION, 0);

	(void)br_error_set(parse->err, BR_ERR_CONFIG, 0, NULL,
			   "given more than once; first at %s:%u", parse->file,
			   mark ? mark->line : 0);
	(void)br_config_blame(parse->err, "ephemeral", title);
}

/*
 * libconfuse has a message. Two of them are made better: known by their English text, so that with
 * another version of it the message is worse, but never lost.
 */
BR_PRINTF(2, 0)
static void take_message(cfg_t *cfg, const char *fmt, va_list args)
{
	struct parse *parse = parse_of(cfg);
	char text[BR_ERROR_TEXT_MAX];

	if (parse->result)
		return;
	if (strcmp(fmt, "no such option '%s'") == 0) {
		refuse_unknown(cfg, va_arg(args, const char *), parse->err);
	} else if (strcmp(fmt, "found duplicate title '%s'") == 0) {
		refuse_second_section(cfg, va_arg(args, const char *), parse);
	} else {
		/* cut is good enough for a message */
		(void)vsnprintf(text, sizeof(text), fmt, args);
		(void)br_error_set(parse->err, BR_ERR_CONFIG, 0, NULL, "%s", text);
	}
	(void)stop_in(parse, cfg);
}

static struct mark *make_mark(struct parse *parse, const char *name)
{
	struct mark *mark = malloc(sizeof(*mark));

	if (mark)
		*mark = (struct mark){ .parse = parse, .name = name, .line = parse->line };
	else
		parse->result = br_error_set(parse->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return mark;
}

/* While parsing, only what a later value replaces is freed; after it, nobody looks any more. */
static void free_mark(void *value)
{
	struct mark *mark = value;

	mark->parse->dropped = *mark;
	free(mark);
}

static int refuse_dropped(struct parse *parse)
{
	return br_error_set(parse->err, BR_ERR_CONFIG, 0, NULL,
			    "%s: given more than once; first at %s:%u", parse->dropped.name,
			    parse->file, parse->dropped.line);
}

static const struct br_config_key *find_key(enum br_config_section section, const char *name)
{
	const struct br_config_key *key = br_config_section_keys(section);

	while (key->name && strcmp(key->name, name) != 0)
		key++;
	return key->name ? key : NULL;
}

static void *target_of(struct parse *parse, enum br_config_section section)
{
	if (section == BR_SECTION_EPHEMERAL)
		return parse->ephemeral;
	if (section == BR_SECTION_PATH)
		return &parse->ephemeral->persist[parse->ephemeral->persist_count - 1];
	return parse->config;
}

/* libconfuse has a value, or one element of a list. */
static int take_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct parse *parse = parse_of(cfg);
	enum br_config_section section = section_of(cfg);
	const struct br_config_key *key = find_key(section, cfg_opt_name(opt));
	struct br_config_setting setting = { .value = value,
					     .file = parse->file,
					     .line = (unsigned)cfg->line };

	if (parse->result)
		return -1;
	parse->line = setting.line;
	if (parse->dropped.line) {
		(void)refuse_dropped(parse);
		return stop_in(parse, cfg);
	}
	if (!key) { /* "archives|keep": libconfuse can reach into sections like that */
		refuse_unknown(cfg, cfg_opt_name(opt), parse->err);
		return stop_in(parse, cfg);
	}
	if (br_config_apply(target_of(parse, section), key, &setting, parse->err) < 0)
		return stop_in(parse, cfg);
	*(void **)result = make_mark(parse, key->name);
	return parse->result;
}

/*
 * A section with a title begins. To fail here would abort the program (a default that cannot be
 * parsed), so a failure is only noted; the parse goes on to the next value.
 */
static int take_title(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct parse *parse = parse_of(cfg);
	enum br_config_section section = section_of(cfg);
	struct br_config_setting title = { .value = cfg_title(cfg),
					   .file = parse->file,
					   .line = (unsigned)cfg->line };

	(void)opt;
	(void)value;
	parse->line = title.line;
	*(void **)result = make_mark(parse, br_config_section_name(section));
	if (parse->result)
		return 0;
	if (section == BR_SECTION_PATH) {
		/* a second section of this path replaces the first: for br_config_check to tell */
		parse->dropped.line = 0;
		if (br_config_add_persist(parse->ephemeral, &title, parse->err) < 0)
			(void)stop_in(parse, cfg);
		return 0;
	}
	if (br_config_open_ephemeral(parse->config, &title, &parse->ephemeral, parse->err) < 0) {
		(void)br_config_blame(parse->err, "ephemeral", title.value);
		(void)stop_at(parse, title.line);
	}
	return 0;
}

/* opts: zeroed behind what was added. */
static void add_option(cfg_opt_t *opts, cfg_opt_t option)
{
	while (opts->name)
		opts++;
	*opts = option;
}

static void add_keys(cfg_opt_t *opts, enum br_config_section section, struct parse *parse)
{
	const struct br_config_key *key = br_config_section_keys(section);

	for (; key->name; key++)
		add_option(opts, (cfg_opt_t){ .name = key->name,
					      .type = CFGT_PTR,
					      .flags = key->is_list ? CFGF_LIST : CFGF_NONE,
					      .parsecb = take_value,
					      .freecb = free_mark });
	add_option(opts, (cfg_opt_t){ .name = PARSE_OPTION,
				      .type = CFGT_PTR,
				      .simple_value.ptr = (void **)(void *)parse });
	if (section == BR_SECTION_EPHEMERAL || section == BR_SECTION_PATH)
		add_option(opts, (cfg_opt_t)CFG_PTR_LIST_CB(BEGIN_OPTION, parse->begin, CFGF_NONE,
							    take_title, free_mark));
}

/* Two sections for one path are left to br_config_check, which also finds them in two files. */
static cfg_flag_t flags_of(enum br_config_section section)
{
	if (section == BR_SECTION_EPHEMERAL)
		return CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	return section == BR_SECTION_PATH ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE;
}

static cfg_t *start_libconfuse(struct parse *parse)
{
	cfg_opt_t opts[BR_SECTION_COUNT][OPTIONS_MAX] = { 0 };
	enum br_config_section section;
	cfg_opt_t *outer;
	cfg_t *cfg;

	for (int i = 0; i < BR_SECTION_COUNT; i++) {
		section = (enum br_config_section)i;
		add_keys(opts[i], section, parse);
		if (section == BR_SECTION_TOP)
			continue;
		outer = opts[section == BR_SECTION_PATH ? BR_SECTION_EPHEMERAL : BR_SECTION_TOP];
		add_option(outer, (cfg_opt_t)CFG_SEC(br_config_section_name(section), opts[i],
						     flags_of(section)));
	}
	cfg = cfg_init(opts[BR_SECTION_TOP], CFGF_NONE);
	if (cfg)
		(void)cfg_set_error_function(cfg, take_message);
	return cfg;
}

/* libconfuse is silent about lack of memory and about a key that is an empty string. */
static void finish(struct parse *parse, bool failed)
{
	if (parse->result)
		return;
	if (failed)
		(void)br_error_set(parse->err, BR_ERR_CONFIG, 0, NULL,
				   "syntax error here or further down");
	else if (parse->dropped.line)
		(void)refuse_dropped(parse);
	else
		return;
	(void)stop_at(parse, parse->line);
}

int br_config_parse_file(struct br_config *config, const char *path, const char *draft,
			 struct br_error *err)
{
	struct parse parse = {
		.config = config, .file = path, .err = err, .line = 1, .begin = "{begin}"
	};
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FILE FILE *stream = NULL;
	cfg_t *cfg;
	int r = br_config_text_read(path, draft, &text, err);

	if (r < 0 || !*text)
		return r;
	stream = fmemopen(text, strlen(text), "re");
	cfg = stream ? start_libconfuse(&parse) : NULL;
	if (!cfg)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, path, NULL);
	finish(&parse, cfg_parse_fp(cfg, stream) != CFG_SUCCESS);
	(void)cfg_free(cfg);
	return parse.result;
}
