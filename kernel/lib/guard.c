/*
 * The switches of the lab build; the ordinary kernel has none of this.
 */
#include <kernel/printk.h>
#include <kernel/string.h>
#include <lib/cmdline.h>
#include <lib/guard.h>

#ifdef CONFIG_LAB

static const char *const guard_names[NR_GUARDS] = {
#define GUARD(name, hazards, what) #name,
#include <lib/guards.def>
#undef GUARD
};

bool lab_counts_at_the_door;
static bool altered;			/* constant after boot */
static bool guard_off[NR_GUARDS];	/* constant after boot */

bool guard_is_on(enum guard g)
{
	return !guard_off[g];
}

bool lab_is_altered(void)
{
	return altered;
}

void lab_set_altered(void)
{
	altered = true;
}

/*
 * Each is told, wrong names too: a kernel that lacks a precaution must not pass
 * for one that has all.
 */
static void take_away(const char *name, size_t len)
{
	for (unsigned int g = 0; g < NR_GUARDS; g++) {
		if (strlen(guard_names[g]) != len ||
		    strncmp(guard_names[g], name, len))
			continue;
		guard_off[g] = altered = true;
		pr_notice("lab: guard %s is off", guard_names[g]);
		return;
	}
	pr_err("lab: there is no guard %.*s", (int)len, name);
}

void guards_init(const char *cmdline)
{
	char names[256];
	const char *at = names;

	if (!cmdline_get(cmdline, "guard_off", names, sizeof(names)))
		return;
	while (*at) {
		const char *comma = strchr(at, ',');
		size_t len = comma ? (size_t)(comma - at) : strlen(at);

		take_away(at, len);
		at += len + (comma != NULL);
	}
}

#endif
