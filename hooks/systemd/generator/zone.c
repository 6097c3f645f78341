/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time zones of this system. */
#include "zone.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

/* NixOS has them elsewhere, and its systemd knows. */
static const char *const dirs[] = { "/usr/share/zoneinfo", "/etc/zoneinfo" };

static bool is_installed(const char *name)
{
	char path[256];
	struct stat st;

	if (strstr(name, "//") || name[strlen(name) - 1] == '/')
		return false;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s/%s", dirs[i], name);

		if (length > 0 && (size_t)length < sizeof(path) && stat(path, &st) == 0 &&
		    S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

bool zone_exists(const char *name)
{
	tzset();
	return strcasecmp(name, "UTC") == 0 || strcasecmp(name, tzname[0]) == 0 ||
	       strcasecmp(name, tzname[1]) == 0 || is_installed(name);
}
