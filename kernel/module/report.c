/*
 * The report of an unload: who is in the way, where, since when, and what
 * would help.  Filled while the world is looked at, read long after: it holds
 * text and numbers only, nothing of it points anywhere (H31).
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <debug/backtrace.h>
#include <debug/kallsyms.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <proc/process.h>
#include <proc/syscalls.h>
#include <sched/refs.h>
#include <sched/rq.h>
#include <sched/trace.h>
#include <x86/switch.h>
#include <x86/trap.h>

/* Those that do not fit are counted: each overwrites the last record. */
struct blocker *report_add(struct unload_report *r, enum blocker_kind kind)
{
	uint32_t i = min(r->nr_blockers, (uint32_t)REPORT_BLOCKERS - 1);
	struct blocker *b = &r->blockers[i];

	r->nr_blockers++;
	memset(b, 0, sizeof(*b));
	b->kind = kind;
	b->cpu = -1;
	b->fd = -1;
	b->stack_offset = -1;
	return b;
}

int report_fail(struct unload_report *r, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->message, sizeof(r->message), fmt, ap);
	va_end(ap);
	return error;
}

void report_log(const struct unload_report *r)
{
	if (r->outcome == UNLOAD_GONE)
		pr_notice("unload: %s: gone, after its last user had left",
			  r->names);
	else
		pr_notice("unload: %s: %s: %s", r->names, r->outcome ==
			  UNLOAD_ENTOMBED ? "entombed" : "not gone yet",
			  r->message);
}

/* ---- a task ---- */

/*
 * @where is the innermost frame inside the module: what the reader asks first.
 * Without one it is the innermost of all.
 */
static void fill_frames(struct blocker *b, const struct backtrace *bt,
			const struct territory *terr)
{
	for (uint32_t i = trace_place(bt);
	     i < bt->n && b->nr_frames < REPORT_FRAMES; i++) {
		char *text = b->frames[b->nr_frames++];

		describe_address(bt->pc[i], text, REPORT_SYMBOL);
		if (b->inside || !territory_has(terr, bt->pc[i]))
			continue;
		b->inside = true;
		strscpy(b->where, text, sizeof(b->where));
	}
	if (!b->where[0] && b->nr_frames)
		strscpy(b->where, b->frames[0], sizeof(b->where));
}

/*
 * Read without a lock: a task may be on its way from one to another, and the
 * report has what it was a moment ago.
 */
static const char *task_state_text(const struct task *t)
{
	if (task_is_running(t))
		return "running";
	if (t->state == TASK_DEAD)
		return "dead";
	if (t->state == TASK_SLEEPING && !t->on_rq)
		return "asleep";
	return "preempted";
}

/* Symbol+offset; a section, data or a margin have none: then whose it is. */
static void describe_target(uintptr_t word, char *buf, size_t size)
{
	module_id_t owner = window_owner(word);
	size_t n;

	describe_address(word, buf, size);
	if (!owner || (buf[0] != '0' && buf[0] != '.'))
		return;
	n = strlen(buf);
	snprintf(buf + n, size - n, " of %s", owners[owner].name);
}

void report_task(struct blocker *b, struct task *t,
		 const struct territory *terr)
{
	struct backtrace bt = { .n = 0 };

	b->pid = t->pid;
	b->cpu = (int)t->cpu;
	strscpy(b->comm, t->comm, sizeof(b->comm));
	strscpy(b->state, task_state_text(t), sizeof(b->state));
	if (t->state == TASK_SLEEPING)
		b->for_ms = stamp_age_ms(t->sleep_since);
	if (trace_task(t, &bt) == TRACE_SAVED)
		fill_frames(b, &bt, terr);
}

/* The program's registers as it called, if it is in a call; under the lock. */
static bool calling_registers(const struct task *t, uint32_t regs[6])
{
	const struct trap_frame *f =
		(const struct trap_frame *)task_stack_top(t);

	if (!t->process || !t->stack || t->state == TASK_DEAD)
		return false;
	regs[0] = f->ebx;
	regs[1] = f->ecx;
	regs[2] = f->edx;
	regs[3] = f->esi;
	regs[4] = f->edi;
	regs[5] = f->ebp;
	return true;
}

/*
 * A number that a program chose may look like an address of the module (H09).
 * It cannot be told apart, but it can be said whose it is.
 */
static void describe_argument(struct blocker *b, struct task *t,
			      uintptr_t word)
{
	uint32_t flags, regs[6];
	struct rq *rq = task_rq_lock(t, &flags);
	const char *call = syscall_name(t->syscall);
	bool known = calling_registers(t, regs);

	task_rq_unlock(rq, flags);
	for (uint32_t i = 0; known && call && i < ARRAY_SIZE(regs); i++) {
		if (regs[i] != word)
			continue;
		snprintf(b->help, sizeof(b->help), "looks like argument %u of "
			 "pid %d's %s, a number that it chose", i + 1, t->pid,
			 call);
		return;
	}
}

void report_stack_hit(struct unload_report *r, struct task *t,
		      const struct territory *terr,
		      const struct stack_hit *hit)
{
	struct blocker *b = report_add(r, hit->kind);
	char symbol[REPORT_SYMBOL];

	report_task(b, t, terr);
	describe_target(hit->word, symbol, sizeof(symbol));
	b->stack_offset = (int)hit->above_esp;
	if (hit->kind == BLOCK_EIP)
		snprintf(b->what, sizeof(b->what), "executes %s", symbol);
	else if (hit->kind == BLOCK_REGISTER)
		snprintf(b->what, sizeof(b->what), "saved %s points to %s",
			 hit->reg, symbol);
	else
		snprintf(b->what, sizeof(b->what),
			 "stack word %u above esp points to %s",
			 hit->above_esp, symbol);
	if (b->inside && strcmp(b->state, "asleep") == 0 &&
	    !owner_count(terr->ids[0]))
		strscpy(b->help, "it sleeps inside without being counted: "
			"the module's fault", sizeof(b->help));
	else
		describe_argument(b, t, hit->word);
}

/* ---- memory ---- */

/* The address that it maps, where that is the kernel's; else whose table. */
static void describe_table(uintptr_t at, char *buf, size_t size)
{
	uint32_t entry = at % PAGE_SIZE / sizeof(pte_t);
	uintptr_t va = page_table_base(at);
	phys_t root = page_table_root(at);
	char comm[TASK_COMM_LEN];
	pid_t pid = root ? process_of_space(root, comm) : 0;

	if (va)
		snprintf(buf, size, "page table of the kernel, for %p",
			 (void *)(va + entry * PAGE_SIZE));
	else if (pid)
		snprintf(buf, size, "page table of pid %d (%s), entry %u",
			 pid, comm, entry);
	else
		snprintf(buf, size, "page table, entry %u", entry);
}

/*
 * Who holds the pointer: the line that allocated the object, else the variable,
 * else the bare address.
 */
static void describe_holder(uintptr_t at, char *buf, size_t size)
{
	struct heap_object obj;
	char site[REPORT_SYMBOL];

	if (page_is_table(at)) {
		describe_table(at, buf, size);
		return;
	}
	if (!heap_find_object(at, &obj)) {
		describe_address(at, buf, size);
		return;
	}
	/* A heap of the kernel's keeps no site that lies in a module. */
	strscpy(site, "some module", sizeof(site));
	if (obj.site)
		describe_address(obj.site, site, sizeof(site));
	snprintf(buf, size, "heap object of %u bytes from %s, at offset %u",
		 (unsigned int)obj.size, site,
		 (unsigned int)(at - obj.start));
}

static bool is_among(const struct memory_hits *hits, uintptr_t at)
{
	for (uint32_t i = 0; i < min(hits->n, (uint32_t)MEMORY_HITS); i++)
		if (hits->at[i] == at)
			return true;
	return false;
}

/*
 * @n may be larger: it counts those too that had no room in @at.  The word is
 * the one that was found: its page may have gone since.
 */
void report_memory_hits(struct unload_report *r,
			const struct memory_hits *hits,
			const struct memory_hits *told)
{
	for (uint32_t i = 0; i < min(hits->n, (uint32_t)MEMORY_HITS); i++) {
		struct blocker *b;
		char target[REPORT_SYMBOL];

		if (told && is_among(told, hits->at[i]))
			continue;
		b = report_add(r, BLOCK_MEMORY);
		describe_target(hits->word[i], target, sizeof(target));
		describe_holder(hits->at[i], b->where, sizeof(b->where));
		snprintf(b->what, sizeof(b->what), "%s %s",
			 page_is_table(hits->at[i]) ? "maps the page at" :
			 "points to", target);
	}
}

/* ---- users ---- */

struct file_search {
	const struct territory	*terr;
	struct blocker		found;
	uint32_t		n;
};

/*
 * Goes on to the last one, to count them; the first is the one that is named.
 */
static bool match_file(int fd, struct file *f, void *arg)
{
	struct file_search *s = arg;

	if (!s->terr->member[f->owner])
		return true;
	if (s->n++ == 0) {
		s->found.fd = fd;
		strscpy(s->found.path, f->path, sizeof(s->found.path));
		s->found.for_ms = stamp_age_ms(f->since);
	}
	return true;
}

/*
 * One blocker a task, however many files: so a crowd of readers has room.  For
 * a sleeper @for_ms stays the time of the sleep, else it is that of the file.
 */
bool report_files_of(struct unload_report *r, const struct territory *terr,
		     struct task *t, enum blocker_kind kind)
{
	struct file_search s = { .terr = terr };
	struct blocker *b;

	if (!t->process)
		return false;
	process_for_each_file(t, match_file, &s);
	if (!s.n)
		return false;
	if (r->nr_blockers >= REPORT_BLOCKERS) {
		r->nr_blockers++;	/* a backtrace takes its time */
		return true;
	}
	b = report_add(r, kind);
	report_task(b, t, terr);
	b->fd = s.found.fd;
	strscpy(b->path, s.found.path, sizeof(b->path));
	b->more_fds = (int)s.n - 1;
	if (strcmp(b->state, "asleep"))
		b->for_ms = s.found.for_ms;
	return true;
}

struct user_search {
	struct unload_report	*r;
	const struct territory	*terr;
	const struct task	*caller;
	uint32_t		files;
};

/* The module's own threads are no users: they are engines, and held later. */
static bool report_user(struct task *t, void *arg)
{
	struct user_search *s = arg;
	struct stack_hit hit;

	if (t == current || t == s->caller || s->terr->member[t->owner])
		return true;
	if (report_files_of(s->r, s->terr, t, BLOCK_OPEN_FILE))
		s->files++;
	else if (exam_task(t, s->terr, s->r, &hit) == TASK_HAS_EVIDENCE)
		report_stack_hit(s->r, t, s->terr, &hit);
	return true;
}

/*
 * What is not known otherwise, the debug build may know: a name that has ended,
 * a place in the kernel.
 */
static void ask_refs(struct blocker *b, module_id_t id)
{
	struct ref ref;

	for (uint32_t n = 0; ref_nth(id, n, &ref); n++) {
		if (ref.kind != REF_TAKEN || ref.pid != b->pid)
			continue;
		if (!b->comm[0])
			snprintf(b->help, sizeof(b->help), "taken as %s, "
				 "which has ended", ref.comm);
		if (!b->where[0])
			describe_address(ref_pc(&ref), b->where,
					 sizeof(b->where));
		return;
	}
}

/*
 * Who took it may have ended since, or handed it on: the name is that of
 * whoever has the pid.  1 for @window_offset is a site outside the window.
 */
static void report_site(struct unload_report *r, const struct owner *o,
			const struct owner_site *site)
{
	struct blocker *b = report_add(r, BLOCK_COUNT);
	struct task *t = task_find(site->pid);

	b->pid = site->pid;
	b->for_ms = stamp_age_ms(site->since);
	if (site->window_offset > 1)
		describe_address(WINDOW_BASE + site->window_offset - 1,
				 b->where, sizeof(b->where));
	if (t) {
		strscpy(b->comm, t->comm, sizeof(b->comm));
		task_put(t);
	}
	if (!b->comm[0] || !b->where[0])
		ask_refs(b, (module_id_t)(o - owners));
	snprintf(b->what, sizeof(b->what), "%d count%s of %s taken here",
		 site->count, site->count == 1 ? "" : "s", o->name);
}

static bool is_of_a_site(module_id_t id, const struct ref *ref)
{
	for (size_t i = 0; i < OWNER_SITES; i++) {
		struct owner_site s = owner_site(id, i);

		if (s.window_offset && s.pid == ref->pid &&
		    (s.window_offset == 1 || s.window_offset == ref->site + 1))
			return true;
	}
	return false;
}

/* The debug build's: those that had no room there.  False: none. */
static bool report_other_counts(struct unload_report *r, module_id_t id)
{
	bool named = false;
	struct ref ref;

	for (uint32_t n = 0; ref_nth(id, n, &ref); n++) {
		struct blocker *b;

		if (ref.kind != REF_TAKEN || is_of_a_site(id, &ref))
			continue;
		b = report_add(r, BLOCK_COUNT);
		b->pid = ref.pid;
		b->for_ms = stamp_age_ms(ref.since);
		strscpy(b->comm, ref.comm, sizeof(b->comm));
		describe_address(ref_pc(&ref), b->where, sizeof(b->where));
		snprintf(b->what, sizeof(b->what), "1 count of %s taken here",
			 owners[id].name);
		named = true;
	}
	return named;
}

/* At most OWNER_SITES places are noted, but in the debug build. */
static void report_counts_elsewhere(struct unload_report *r, module_id_t id)
{
	int n = owner_counts_elsewhere(id);
	struct blocker *b;

	if (n <= 0)
		return;
	b = report_add(r, BLOCK_COUNT);
	snprintf(b->what, sizeof(b->what), "%d more count%s of %s, of whom is "
		 "not noted (a debug build would: make DEBUG=1)", n,
		 n == 1 ? "" : "s", owners[id].name);
}

static void report_counts(struct unload_report *r, module_id_t id)
{
	struct owner *o = &owners[id];

	for (size_t i = 0; i < OWNER_SITES; i++) {
		struct owner_site site = owner_site(id, i);

		if (site.window_offset)
			report_site(r, o, &site);
	}
	if (!report_other_counts(r, id))
		report_counts_elsewhere(r, id);
}

/*
 * A file in nobody's descriptors is being opened or closed, or the kernel's:
 * who opened it is known.
 */
static void report_opener(struct unload_report *r,
			  const struct territory *terr,
			  const struct open_note *note)
{
	struct blocker *b = report_add(r, BLOCK_OPEN_FILE);
	struct task *t = task_find(note->opener);

	b->pid = note->opener;
	b->for_ms = stamp_age_ms(note->since);
	if (t) {
		report_task(b, t, terr);
		task_put(t);
	}
	strscpy(b->path, note->path, sizeof(b->path));
	snprintf(b->what, sizeof(b->what), "opened %s, which is in no "
		 "descriptor: on its way in or out, or the kernel's",
		 note->path);
}

void report_users(struct unload_report *r, const struct territory *terr,
		  const struct task *caller)
{
	struct user_search s = { r, terr, caller, 0 };
	struct open_note note;

	task_for_each(report_user, &s);
	for (uint32_t i = 0; i < terr->n; i++) {
		report_counts(r, terr->ids[i]);
		/*
		 * Where tasks were named with their descriptors the notes would
		 * name most of the same once more.
		 */
		for (uint32_t n = 0; !s.files && n < REPORT_BLOCKERS &&
		     chrdev_nth_open(terr->ids[i], n, &note); n++)
			report_opener(r, terr, &note);
	}
}

/* The first is enough: it refuses. */
bool report_opened_by(struct unload_report *r, const struct territory *terr,
		      struct task *t)
{
	struct open_note note;

	for (uint32_t i = 0; i < terr->n; i++) {
		if (!chrdev_opened_by(terr->ids[i], t->pid, &note))
			continue;
		report_opener(r, terr, &note);
		return true;
	}
	return false;
}
