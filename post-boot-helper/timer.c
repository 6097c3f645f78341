/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd says about a timer and its service, over D-Bus. */
#include "timer.h"

#ifdef WITH_SYSTEMD
#include "cleanup.h"

#include <string.h>
#include <systemd/sd-bus.h>

#define DESTINATION "org.freedesktop.systemd1"
#define OBJECTS "/org/freedesktop/systemd1/unit"
#define PRIVATE_ADDRESS "unix:path=/run/systemd/private" /* what systemctl uses */
#define TIMEOUT_USEC (5 * 1000000)

static void close_bus(sd_bus **bus)
{
	(void)sd_bus_close_unref(*bus); /* nothing is waiting to be sent */
}

/* NULL: there is none. */
static sd_bus *open_private(void)
{
	sd_bus *bus;

	if (sd_bus_new(&bus) < 0)
		return NULL;
	if (sd_bus_set_address(bus, PRIVATE_ADDRESS) >= 0 && sd_bus_start(bus) >= 0)
		return bus;
	close_bus(&bus);
	return NULL;
}

static sd_bus *open_bus(void)
{
	sd_bus *bus = NULL;

	if (sd_bus_open_system(&bus) < 0)
		bus = open_private();
	if (bus)
		(void)sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC); /* else the default */
	return bus;
}

/* Owned by the caller; NULL: no answer. */
static char *ask_state(sd_bus *bus, const char *name, const char *type)
{
	BR_AUTO_FREE char *unit = NULL;
	BR_AUTO_FREE char *path = NULL;
	char *state = NULL;

	if (asprintf(&unit, "%s.%s", name, type) < 0) {
		unit = NULL;
		return NULL;
	}
	if (sd_bus_path_encode(OBJECTS, unit, &path) < 0 ||
	    sd_bus_get_property_string(bus, DESTINATION, path, DESTINATION ".Unit", "ActiveState",
				       NULL, &state) < 0)
		return NULL;
	return state;
}

static uint64_t ask_next(sd_bus *bus, const char *name)
{
	BR_AUTO_FREE char *unit = NULL;
	BR_AUTO_FREE char *path = NULL;
	uint64_t usec = 0;

	if (asprintf(&unit, "%s.timer", name) < 0) {
		unit = NULL;
		return 0;
	}
	if (sd_bus_path_encode(OBJECTS, unit, &path) < 0 ||
	    sd_bus_get_property_trivial(bus, DESTINATION, path, DESTINATION ".Timer",
					"NextElapseUSecRealtime", NULL, 't', &usec) < 0 ||
	    usec == UINT64_MAX)
		return 0;
	return usec / 1000000;
}

void timer_ask(const char *name, struct timer *ret)
{
	__attribute__((cleanup(close_bus))) sd_bus *bus = open_bus();
	BR_AUTO_FREE char *state = bus ? ask_state(bus, name, "timer") : NULL;
	BR_AUTO_FREE char *service = state ? ask_state(bus, name, "service") : NULL;

	*ret = (struct timer){ TIMER_UNKNOWN, 0, false };
	if (!state)
		return;
	ret->state = strcmp(state, "active") == 0 ? TIMER_ACTIVE : TIMER_INACTIVE;
	ret->has_failed = service && strcmp(service, "failed") == 0;
	if (ret->state == TIMER_ACTIVE)
		ret->next = ask_next(bus, name);
}
#else
void timer_ask(const char *name, struct timer *ret)
{
	(void)name;
	*ret = (struct timer){ TIMER_UNKNOWN, 0, false };
}
#endif
