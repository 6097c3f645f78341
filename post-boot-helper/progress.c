/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far something is that takes long. */
#include "progress.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_SECONDS 1
#define PAUSE (BR_NSEC_PER_SEC / 2)

#define CLEAR_LINE "\r\033[K"

/* What does not fit on the line is cut off: of two lines, the first could not be cleared. */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

#define BAR_MAX 30
#define BESIDE_BAR 68 /* columns for all else on the line */
#define BESIDE_ERRORS 16
#define COLUMNS_DEFAULT 80

struct progress progress_begin(const char *command)
{
	const char *term = getenv("TERM");

	return (struct progress){ .command = command,
				  .is_terminal = isatty(STDERR_FILENO) && term && *term &&
						 strcmp(term, "dumb") != 0,
				  .next = br_deadline_in(FIRST_SECONDS) };
}

static void print(struct progress *progress, uint64_t files, uint64_t bytes, const char *what)
{
	(void)fprintf(stderr, CLEAR_LINE "%s: ", progress->command); /* nobody relies on it */
	br_text_put_count(stderr, files);
	(void)fputs(files == 1 ? " file, " : " files, ", stderr);
	br_text_put_size(stderr, bytes);
	(void)fprintf(stderr, "%s%s", *what ? "; " : "", what);
	(void)fflush(stderr);
	progress->is_shown = true;
}

static uint64_t count_bytes(const struct br_copy_stats *stats)
{
	return stats->bytes_shared + stats->bytes_copied;
}

/* Whether it is time to tell something; if so, when the next time is. */
static bool is_time(struct progress *progress)
{
	if (br_deadline_left(progress->next) > 0)
		return false;
	progress->next = br_deadline_in(0);
	progress->next.nsec += PAUSE;
	return true;
}

void progress_say(struct progress *progress, void (*put)(FILE *out, const void *data),
		  const void *data)
{
	if (!progress->is_terminal || !is_time(progress))
		return;
	(void)fprintf(stderr, CLEAR_LINE "%s: ", progress->command); /* nobody relies on it */
	put(stderr, data);
	(void)fflush(stderr);
	progress->is_shown = true;
}

static void tell(void *data, const struct br_copy_stats *stats)
{
	struct progress *progress = data;

	if (!is_time(progress))
		return;
	print(progress, progress->before.files + stats->files,
	      count_bytes(&progress->before) + count_bytes(stats), "");
}

struct br_copy_progress progress_of_copy(struct progress *progress)
{
	return progress->is_terminal ? (struct br_copy_progress){ tell, progress }
				     : (struct br_copy_progress){ NULL, NULL };
}

void progress_add(struct progress *progress, const struct br_copy_stats *stats)
{
	progress->before.files += stats->files;
	progress->before.bytes_shared += stats->bytes_shared;
	progress->before.bytes_copied += stats->bytes_copied;
}

void progress_phase(struct progress *progress, const char *what)
{
	if (progress->is_shown)
		print(progress, progress->before.files, count_bytes(&progress->before), what);
}

/* --- of what it is known how much there is --- */

static int bar_width(bool has_errors)
{
	struct winsize size = { 0 };
	int columns = COLUMNS_DEFAULT, width;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	width = columns - BESIDE_BAR - (has_errors ? BESIDE_ERRORS : 0);
	return width > BAR_MAX ? BAR_MAX : width;
}

static void print_bar(double part, int width)
{
	if (width < 3)
		return;
	(void)fputc('[', stderr);
	for (int i = 0; i < width; i++)
		(void)fputc(i < (int)(part * width) ? '#' : '.', stderr);
	(void)fputs("] ", stderr);
}

static void print_share(const struct progress_share *share)
{
	uint64_t left = share->total > share->done ? share->total - share->done : 0;

	if (share->total > 0) {
		double part = left ? (double)share->done / (double)share->total : 1;

		print_bar(part, bar_width(share->errors > 0));
		(void)fprintf(stderr, "%3d%%, ", (int)(100 * part));
	}
	br_text_put_size(stderr, share->done);
	if (share->rate > 0) {
		(void)fputs(", ", stderr);
		br_text_put_size(stderr, share->rate);
		(void)fputs("/s", stderr);
	}
	if (share->rate > 0 && left > 0) {
		(void)fputs(", ", stderr);
		br_text_put_length(stderr, left / share->rate);
		(void)fputs(" left", stderr);
	}
	if (share->errors > 0) {
		(void)fputs(", ", stderr);
		br_text_put_count(stderr, share->errors);
		(void)fputs(share->errors == 1 ? " error" : " errors", stderr);
	}
}

void progress_share(struct progress *progress, const struct progress_share *share)
{
	if (!progress->is_terminal || !is_time(progress))
		return;
	(void)fprintf(stderr, CLEAR_LINE WRAP_OFF "%s: ", progress->command);
	print_share(share);
	(void)fputs(WRAP_ON, stderr);
	(void)fflush(stderr);
	progress->is_shown = true;
}

void progress_clear(struct progress *progress)
{
	if (progress->is_shown)
		(void)fputs(CLEAR_LINE, stderr);
	progress->is_shown = false;
}
