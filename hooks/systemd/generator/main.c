/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot-generator: from the configuration to systemd's timers, systemd.generator(7). systemd
 * runs it when it starts and at each daemon-reload, before it knows any unit.
 */
#include "cleanup.h"
#include "kmsg.h"
#include "units.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#define NAME "blankroot-generator"

#define MESSAGE_MAX (4 * (BR_ERROR_PATH_MAX + BR_ERROR_TEXT_MAX))

struct options {
	const char *config;
	const char *message; /* --fail; NULL: not given */
	bool help, version;
};

/* What is wrong, first of all: one unit has room for one message. */
static char first_problem[MESSAGE_MAX];

/* The journal is not there yet; standard error is for those who try it. */
static void tell(const char *message)
{
	char line[MESSAGE_MAX + sizeof(NAME ": ")];

	(void)snprintf(line, sizeof(line), NAME ": %s", message); /* always fits */
	if (!br_kmsg_write(BR_KMSG_ERROR, line))
		(void)fprintf(stderr, "%s\n", line);
}

static void note(const struct br_error *problem)
{
	char message[MESSAGE_MAX];

	br_error_format(problem, message, sizeof(message));
	tell(message);
	if (!*first_problem)
		memcpy(first_problem, message, sizeof(message));
}

/* --- where nothing is generated --- */

static bool exists(const char *path)
{
	return path &&
	       access(path, F_OK) == 0; /* the analyser does not know what getopt_long gives */
}

/* systemd tells by the environment since version 251. */
static bool is_initramfs(void)
{
	const char *told = getenv("SYSTEMD_IN_INITRD");

	return told ? strcmp(told, "1") == 0 : exists("/etc/initrd-release");
}

/* Its root is not the one that was reset, and its block devices are not its own. */
static bool is_container(void)
{
	static const char prefix[] = "container:";
	const char *told = getenv("SYSTEMD_VIRTUALIZATION");

	return told ? strncmp(told, prefix, sizeof(prefix) - 1) == 0
		    : exists("/run/systemd/container");
}

/* --- generating --- */

static int write_failure(const struct units *units, struct br_error *err)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, "/proc/self/exe", NULL);
	self[length] = '\0';
	return units_write_failure(units, self, first_problem, err);
}

static int write_units(const struct units *units, struct br_error *err)
{
	struct br_config config;
	struct br_error problem = { 0 };
	int r;

	if (br_config_load(units->config, &config, &problem) < 0) {
		note(&problem);
		return write_failure(units, err);
	}
	r = units_write(units, &config, note, err);
	if (r == 0 && *first_problem)
		r = write_failure(units, err);
	br_config_free(&config);
	return r;
}

static int generate(const char *config, const char *dir)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error err = { 0 };
	int r;

	if (is_initramfs() || is_container() || !exists(config))
		return EXIT_SUCCESS;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? br_error_set(&err, BR_ERR_OPEN, errno, dir, NULL)
		   : write_units(&(struct units){ fd, config }, &err);
	if (r < 0)
		note(&err);
	return *first_problem ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- the command line --- */

static void print_help(void)
{
	(void)fputs(
		"Usage: " NAME " [--config=FILE] NORMAL-DIR [EARLY-DIR LATE-DIR]\n"
		"Make systemd's timers from the configuration. Run by systemd.\n"
		"\n"
		"      --config=FILE   another configuration (" BR_CONFIG_PATH ")\n"
		"      --fail=MESSAGE  only print the message, and fail: for the unit that tells\n"
		"                      what is wrong with the configuration\n"
		"      --help          print this and exit\n"
		"      --version       print the version and exit\n"
		"\n"
		"Exit codes: 0 done; 1 something is wrong with the configuration, or a failure;\n"
		"2 usage error.\n",
		stdout);
}

static int fail_usage(const char *problem)
{
	if (problem)
		(void)fprintf(stderr, NAME ": %s\n", problem);
	(void)fputs("Try '" NAME " --help' for more information.\n", stderr);
	return 2;
}

static bool parse(int argc, char *argv[], struct options *options)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "fail", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'c')
			options->config = optarg;
		else if (option == 'f')
			options->message = optarg;
		else if (option == 'h')
			options->help = true;
		else if (option == 'v')
			options->version = true;
		else
			return false;
	}
	return true;
}

int main(int argc, char *argv[])
{
	struct options options = { .config = BR_CONFIG_PATH };

	if (!parse(argc, argv, &options))
		return fail_usage(NULL);
	if (options.help)
		print_help();
	else if (options.version)
		(void)puts(NAME " " BLANKROOT_VERSION);
	else if (options.message)
		(void)fprintf(stderr, "%s\n", options.message);
	else if (argc - optind != 1 && argc - optind != 3)
		return fail_usage("one directory is needed, or the three of systemd.generator(7)");
	else
		return generate(options.config, argv[optind]);
	return options.message || fclose(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
