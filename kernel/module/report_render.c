/*
 * An unload's report, for people and for programs: one structure, two
 * renderers.  docs/report.schema.json describes the second.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/ctype.h>
#include <lib/json.h>
#include <module/internal.h>

/* Printed by whole lines: others print at the same time. */
struct out {
	report_print	print;
	void		*arg;
	size_t		len;
	char		line[512];
};

/* What programs chose, such as a path, sends the console no sequences. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if (!isprint(*s) && !(*s == '\n' && !s[1]))
			*s = '?';
}

/*
 * Adds a piece, which is never empty.  A line beyond half of the buffer goes
 * out as it is, so that what is added next has the other half: no piece is
 * longer unless it is the first of its line.
 */
static void put(struct out *o, const char *fmt, ...) __printf(2, 3);
static void put(struct out *o, const char *fmt, ...)
{
	char *piece = o->line + o->len;
	va_list ap;

	va_start(ap, fmt);
	o->len += (size_t)vscnprintf(piece, sizeof(o->line) - o->len, fmt, ap);
	va_end(ap);
	make_printable(piece);
	if (o->line[o->len - 1] != '\n' && o->len < sizeof(o->line) / 2)
		return;
	o->print(o->arg, o->line);
	o->len = 0;
}

/* Milliseconds with one decimal, rounded half up, as "12.3". */
static void format_ms(char *buf, size_t size, uint64_t ns)
{
	uint64_t tenths = (ns + 50 * NSEC_PER_USEC) / (100 * NSEC_PER_USEC);

	snprintf(buf, size, "%llu.%llu", (unsigned long long)(tenths / 10),
		 (unsigned long long)(tenths % 10));
}

/* "350 ms" below ten seconds, "12 s" above. */
static void format_age(char *buf, size_t size, uint32_t ms)
{
	if (ms < 10000)
		snprintf(buf, size, "%u ms", ms);
	else
		snprintf(buf, size, "%u s", ms / 1000);
}

/* ---- text: one blocker ---- */

/*
 * Of a task that runs a place would be out of date before it is printed; an age
 * has only who sleeps.
 */
static void put_place(struct out *o, const struct blocker *b)
{
	char age[24];

	format_age(age, sizeof(age), b->for_ms);
	if (strcmp(b->state, "running") == 0)
		put(o, "running");
	else if (b->where[0])
		put(o, "%s in %s", b->state, b->where);
	else
		put(o, "%s", b->state);
	if (strcmp(b->state, "asleep") == 0)
		put(o, ", %s", age);
	put(o, ", CPU %d", b->cpu);
}

static void put_task_blocker(struct out *o, const struct blocker *b)
{
	put(o, "  pid %-4d %-12s ", b->pid, b->comm);
	if (b->state[0])
		put_place(o, b);
	if (b->fd >= 0) {
		put(o, "; holds %s as descriptor %d", b->path, b->fd);
		if (b->more_fds)
			put(o, " and %d more", b->more_fds);
	}
	if (b->what[0])
		put(o, "%s%s", b->state[0] ? "; " : "", b->what);
	put(o, "\n");
}

/* A count outlives the task that took it. */
static void put_count_blocker(struct out *o, const struct blocker *b)
{
	char age[24];

	format_age(age, sizeof(age), b->for_ms);
	put(o, "  pid %-4d %-12s %s: %s, %s ago\n", b->pid,
	    b->comm[0] ? b->comm : "(gone)", b->what,
	    b->where[0] ? b->where : "place not known", age);
}

/* A CPU that could not be frozen says in @what who was on it. */
static void put_blocker(struct out *o, const struct blocker *b,
			bool verbose)
{
	if (b->kind == BLOCK_COUNT && b->pid)
		put_count_blocker(o, b);
	else if (b->pid && b->kind != BLOCK_CPU)
		put_task_blocker(o, b);
	else if (b->where[0])
		put(o, "  %s %s\n", b->where, b->what);
	else
		put(o, "  %s\n", b->what);
	for (uint32_t i = 0; verbose && i < b->nr_frames; i++)
		put(o, "           %s\n", b->frames[i]);
	if (b->help[0])
		put(o, "           %s\n", b->help);
}

/* ---- text: the whole ---- */

static uint32_t blockers_kept(const struct unload_report *r)
{
	return min(r->nr_blockers, (uint32_t)REPORT_BLOCKERS);
}

static void put_headline(struct out *o, const struct unload_report *r)
{
	char total[24], frozen[24];

	format_ms(total, sizeof(total), r->total_ns);
	format_ms(frozen, sizeof(frozen), r->frozen_ns);
	switch (r->outcome) {
	case UNLOAD_GONE:
		put(o, "unload: %s: gone (%s ms, world frozen %s ms)\n",
		    r->names, total, frozen);
		break;
	case UNLOAD_WOULD_GO:
		put(o, "unload: %s: would go (a prediction; %s ms, world "
		    "frozen %s ms)\n", r->names, total, frozen);
		break;
	case UNLOAD_DEFERRED:
		put(o, "unload: %s: deferred, goes when its last user has "
		    "left (%s ms)\n", r->names, total);
		break;
	case UNLOAD_ENTOMBED:
		put(o, "unload: %s: entombed: its interfaces are gone, its "
		    "memory stays for ever (%s)\n", r->names, r->message);
		break;
	case UNLOAD_UNFINISHED:
		put(o, "unload: %s: its interfaces are gone, its memory stays "
		    "until it has been examined (%s)\n", r->names, r->message);
		break;
	default:
		put(o, "unload: %s: %s, nothing was changed (%s ms, world "
		    "frozen %s ms)\n", r->names, r->message, total, frozen);
	}
}

static void put_figures(struct out *o, const struct unload_report *r)
{
	char longest[24];

	format_ms(longest, sizeof(longest), r->frozen_max_ns);
	put(o, "  %u round%s, longest freeze %s ms, world stopped %llu us; "
	    "%u tasks: %u frozen in place, %u spared\n", r->rounds,
	    r->rounds == 1 ? "" : "s", longest,
	    (unsigned long long)(r->stopped_ns / NSEC_PER_USEC), r->tasks,
	    r->frozen_in_place, r->spared);
	put(o, "  %u stacks examined (%u words), %u KiB of memory searched, "
	    "%u pages again at the verdict\n", r->examined, r->words,
	    r->memory_kib, r->verdict_pages);
	if (r->threads_reaped)
		put(o, "  %u thread%s of its own ended\n", r->threads_reaped,
		    r->threads_reaped == 1 ? "" : "s");
}

static void put_leaks(struct out *o, const struct unload_report *r)
{
	if (!r->leaks)
		return;
	put(o, "  leaked: %u object%s, %u bytes, reclaimed\n", r->leaks,
	    r->leaks == 1 ? "" : "s", r->leaked_bytes);
	for (uint32_t i = 0; i < r->nr_leaks; i++)
		put(o, "    %u bytes from %s\n", r->leak[i].bytes,
		    r->leak[i].site);
}

/* Who would let the module go by ending. */
static bool is_user(const struct blocker *b)
{
	return b->kind == BLOCK_OPEN_FILE && b->pid;
}

/*
 * " 7 8 9" of the holders of files, as far as the line has room; how many there
 * are in all.  It has two NULs at least: put_advice() looks for the second
 * number behind the first blank.
 */
static uint32_t list_pids(const struct unload_report *r, char *buf, size_t n)
{
	uint32_t users = 0;
	size_t len = 0;

	buf[0] = buf[1] = '\0';
	for (uint32_t i = 0; i < blockers_kept(r); i++) {
		if (!is_user(&r->blockers[i]))
			continue;
		users++;
		if (users <= 12)
			len += (size_t)scnprintf(buf + len, n - len, " %d",
						 r->blockers[i].pid);
	}
	return users;
}

static void put_advice(struct out *o, const struct unload_report *r)
{
	char pids[96];
	uint32_t users = list_pids(r, pids, sizeof(pids));
	const char *second = strchr(pids + 1, ' ');
	int first = second ? (int)(second - pids) : (int)strlen(pids);

	if (r->nr_blockers > REPORT_BLOCKERS)
		put(o, "  and %u more\n", r->nr_blockers - REPORT_BLOCKERS);
	/* In a refusal only: else nobody has to end for it to go. */
	if (!users || r->outcome != UNLOAD_REFUSED)
		return;
	put(o, "  %u user%s. `kill%s` and ", users, users == 1 ? "" : "s",
	    pids);
	if (r->deferred)
		put(o, "it goes by itself, ");
	else
		put(o, "try again, `unload -d %s` to let it go when they have "
		    "left, ", r->names);
	put(o, "`bt%.*s` to look\n", first, pids);
}

/* A refusal without -v has no figures: they are for who wants to know how. */
void report_text(const struct unload_report *r, bool verbose,
		 report_print print, void *arg)
{
	struct out o = { .print = print, .arg = arg };

	put_headline(&o, r);
	for (uint32_t i = 0; i < blockers_kept(r); i++)
		put_blocker(&o, &r->blockers[i], verbose);
	put_advice(&o, r);
	put_leaks(&o, r);
	if (r->rounds && (verbose || r->outcome == UNLOAD_GONE))
		put_figures(&o, r);
}

/* ---- JSON ---- */

/*
 * Interface, like the kinds below and all keys: docs/report.schema.json lists
 * them, and scripts go by them.
 */
static const char *const outcome_names[] = {
	[UNLOAD_GONE] = "gone",
	[UNLOAD_WOULD_GO] = "would_go",
	[UNLOAD_REFUSED] = "refused",
	[UNLOAD_DEFERRED] = "deferred",
	[UNLOAD_ENTOMBED] = "entombed",
	[UNLOAD_UNFINISHED] = "unfinished",
};

static const char *const kind_names[NR_BLOCK_KINDS] = {
	[BLOCK_COUNT] = "use_count",
	[BLOCK_OPEN_FILE] = "open_file",
	[BLOCK_EIP] = "eip",
	[BLOCK_REGISTER] = "register",
	[BLOCK_STACK] = "stack",
	[BLOCK_MEMORY] = "memory",
	[BLOCK_DEPENDENT] = "dependent",
	[BLOCK_REGISTRATION] = "registration",
	[BLOCK_ENGINE] = "engine",
	[BLOCK_ROUTINE] = "routine",
	[BLOCK_CPU] = "cpu",
	[BLOCK_TIME] = "time",
	[BLOCK_SELF] = "self",
};

/* What is not known is left out, not empty. */
static void json_text(struct json_writer *w, const char *key, const char *s)
{
	if (s[0])
		json_string(w, key, s);
}

static void json_blocker(struct json_writer *w, const struct blocker *b)
{
	json_object_begin(w, NULL);
	json_string(w, "kind", kind_names[b->kind]);
	/* Pid 0 is no task: then the rest would be of nobody. */
	if (b->pid) {
		json_i64(w, "pid", b->pid);
		json_text(w, "comm", b->comm);
		json_text(w, "state", b->state);
		json_u64(w, "for_ms", b->for_ms);
	}
	if (b->cpu >= 0)
		json_i64(w, "cpu", b->cpu);
	json_text(w, "where", b->where);
	json_text(w, "what", b->what);
	if (b->fd >= 0) {
		json_string(w, "path", b->path);
		json_i64(w, "fd", b->fd);
		json_i64(w, "more_fds", b->more_fds);
	}
	if (b->stack_offset >= 0)
		json_i64(w, "stack_offset", b->stack_offset);
	json_array_begin(w, "backtrace");
	for (uint32_t i = 0; i < b->nr_frames; i++)
		json_string(w, NULL, b->frames[i]);
	json_array_end(w);
	json_text(w, "help", b->help);
	json_object_end(w);
}

static void json_figures(struct json_writer *w, const struct unload_report *r)
{
	json_u64(w, "total_ns", r->total_ns);
	json_u64(w, "frozen_ns", r->frozen_ns);
	json_u64(w, "frozen_max_ns", r->frozen_max_ns);
	json_u64(w, "stopped_ns", r->stopped_ns);
	json_u64(w, "rounds", r->rounds);
	json_u64(w, "tasks", r->tasks);
	json_u64(w, "frozen_in_place", r->frozen_in_place);
	json_u64(w, "spared", r->spared);
	json_u64(w, "stacks_examined", r->examined);
	json_u64(w, "stack_words", r->words);
	json_u64(w, "memory_kib", r->memory_kib);
	json_u64(w, "verdict_pages", r->verdict_pages);
	json_u64(w, "threads_reaped", r->threads_reaped);
}

static void json_leaks(struct json_writer *w, const struct unload_report *r)
{
	json_u64(w, "leaks", r->leaks);
	json_u64(w, "leaked_bytes", r->leaked_bytes);
	json_array_begin(w, "leak_sites");
	for (uint32_t i = 0; i < r->nr_leaks; i++) {
		json_object_begin(w, NULL);
		json_u64(w, "bytes", r->leak[i].bytes);
		json_string(w, "site", r->leak[i].site);
		json_object_end(w);
	}
	json_array_end(w);
}

/* The blockers that were kept; nr_blockers is how many there were. */
int report_json(const struct unload_report *r, char *buf, size_t size)
{
	struct json_writer w;

	json_init(&w, buf, size);
	json_object_begin(&w, NULL);
	json_string(&w, "event", "report");
	json_string(&w, "module", r->names);
	json_string(&w, "outcome", outcome_names[r->outcome]);
	json_string(&w, "error", r->error ? errno_name(r->error) : "");
	json_string(&w, "message", r->message);
	json_string(&w, "step", r->step);
	json_u64(&w, "number", r->number);
	json_figures(&w, r);
	json_leaks(&w, r);
	json_u64(&w, "nr_blockers", r->nr_blockers);
	json_array_begin(&w, "blockers");
	for (uint32_t i = 0; i < blockers_kept(r); i++)
		json_blocker(&w, &r->blockers[i]);
	json_array_end(&w);
	json_object_end(&w);
	return (int)json_finish(&w);
}
