/*
 * Slots, bindings, ledgers: see slot.h.
 *
 * One lock, slot_lock, guards the shape of all of them.  Users of a slot take
 * no lock: they load the binding, and what they loaded is evidence.  So a
 * binding is never freed while its module lives; it goes with the module's
 * memory.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>

DEFINE_SPINLOCK(slot_lock);
DEFINE_MUTEX(ledger_mutex);
static LIST_HEAD(slot_names);		/* slot_lock */

/*
 * One reference, the caller's.  Closed and without a binding: bind_locked()
 * opens it, or it opens with the other doors.
 */
void slot_setup(struct slot *slot, const struct slot_ops *ops,
		const char *name, module_id_t owner)
{
	memset(slot, 0, sizeof(*slot));
	slot->ops = ops;
	slot->owner = owner;
	slot->phase = SLOT_CLOSED;
	strscpy(slot->name, name, sizeof(slot->name));
	atomic_set(&slot->refs, 1);
	INIT_LIST_HEAD(&slot->names);
	init_waitqueue_head(&slot->waiters);
}

void slot_get(struct slot *slot)
{
	atomic_inc(&slot->refs);
}

/* With no spinlock held: what is destroyed may have to wait for a CPU. */
void slot_put(struct slot *slot)
{
	if (atomic_dec_and_test(&slot->refs))
		slot->ops->destroy(slot);
}

/*
 * The dossier begins with the ledger; its page is kept as a number, so that
 * nothing in the kernel's memory points there.
 */
struct ledger *ledger_of(module_id_t owner)
{
	uint32_t page = READ_ONCE(owners[owner].dossier_page);

	if (!page)
		return NULL;
	return (struct ledger *)(WINDOW_BASE + (page - 1) * PAGE_SIZE +
				 DOSSIER_LEDGER_OFFSET);
}

static bool same_key(const struct slot *a, const struct slot *b)
{
	return a->ops == b->ops && strcmp(a->name, b->name) == 0;
}

/* Doors share one space of names.  An engine's is nobody's but for people. */
static bool name_taken_locked(const struct slot *like)
{
	struct slot *s;

	if (like->ops->engine)
		return false;
	list_for_each_entry(s, &slot_names, names)
		if (same_key(s, like))
			return true;
	return false;
}

/*
 * One that the module gave up while it was LIVE has no name any more, but is in
 * the ledger still: so it is looked for there.
 */
static struct binding *find_door_locked(struct ledger *l,
					const struct slot *like)
{
	struct binding *b;

	list_for_each_entry(b, &l->bindings, ledger)
		if (same_key(b->slot, like))
			return b;
	return NULL;
}

static bool same_call(const struct binding *b,
		      const struct slot_registration *reg)
{
	return b->fn == reg->fn && b->arg == reg->arg;
}

/* The ledger is in the order of the first registrations. */
static struct binding *find_engine_locked(struct ledger *l,
					  const struct slot *like,
					  const struct slot_registration *reg)
{
	struct binding *b, *first = NULL;

	if (l->registrar != current->pid)
		return NULL;
	list_for_each_entry(b, &l->bindings, ledger) {
		if (!b->awaited || !same_key(b->slot, like))
			continue;
		if (same_call(b, reg))
			return b;
		if (!first)
			first = b;
	}
	return first;
}

/*
 * A slot in the list has the reference of its binding, and leaves the list in
 * the critical section before that is dropped: so there is one to add to.
 */
struct slot *slot_find(const struct slot_ops *ops, const char *name)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct slot *s, *found = NULL;

	list_for_each_entry(s, &slot_names, names) {
		if (s->ops != ops || strcmp(s->name, name))
			continue;
		slot_get(s);
		found = s;
		break;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return found;
}

/*
 * Asked without the lock: who registers is in the module's code, and no verdict
 * is passed as long as he is.  A routine that was given up for lost may come
 * late; it is told.
 */
static int may_register(const struct slot *slot)
{
	const struct owner *o = &owners[slot->owner];
	enum module_state s = owner_state(slot->owner);

	if (slot->owner == MODULE_NONE)
		return 0;
	if (s < MODULE_DEAD && o->may_register)
		return 0;
	pr_err("%s: %s %s refused: %s", o->name, slot->ops->kind, slot->name,
	       s >= MODULE_DEAD ?
	       "the module is being unloaded" :
	       "nothing may be visible before module_register()");
	return -EPERM;
}

/* -EEXIST alone, as what register returned, would not say which name. */
void slot_name_taken(const char *kind, const char *name, module_id_t owner)
{
	if (owner != MODULE_NONE)
		pr_err("%s: %s %s refused: the name is taken",
		       owners[owner].name, kind, name);
}

/* The phase and the wait queue's generation change together. */
static void set_phase_locked(struct slot *slot, enum slot_phase phase,
			     struct binding *binding)
{
	assert_spin_held(&slot_lock);
	slot->phase = phase;
	slot->generation++;
	smp_store_release(&slot->binding, binding);
	wake_up(&slot->waiters);
}

/*
 * During register() the doors stay closed: they open in one step when it has
 * succeeded.  An engine runs at once, unless the engines are held.
 */
static bool opens_at_once(const struct slot *slot)
{
	enum module_state s = owner_state(slot->owner);

	if (slot->owner == MODULE_NONE || s == MODULE_LIVE)
		return true;
	return slot->ops->engine && s != MODULE_HELD;
}

/*
 * By who registers again: each entry once, so a second registration of the same
 * name is a mistake as ever.
 */
static bool is_awaited_locked(const struct binding *b)
{
	return b->awaited &&
	       ledger_of(b->slot->owner)->registrar == current->pid;
}

/*
 * A known entry comes back, with the pointers of this registration.  The
 * binding is in no slot as long as the module is closed, so nobody reads it
 * half changed; that of an engine that runs on, or of a door that was opened as
 * its register was late, is changed under its feet, to what the module says is
 * the same.
 */
static int rebind_locked(struct binding *b,
			 const struct slot_registration *reg,
			 struct slot **existing)
{
	enum module_state s = owner_state(b->slot->owner);

	if (!is_awaited_locked(b) && !b->withdrawn && s != MODULE_CLOSED &&
	    s != MODULE_HELD && s != MODULE_DEFERRED)
		return -EEXIST;
	/* Given up while the module lived: the name may be another's. */
	if (list_empty(&b->slot->names)) {
		if (name_taken_locked(b->slot))
			return -EEXIST;
		list_add_tail(&b->slot->names, &slot_names);
	}
	b->withdrawn = b->awaited = false;
	b->ops = reg->ops;
	b->fn = reg->fn;
	b->arg = reg->arg;
	if (s == MODULE_LIVE)
		set_phase_locked(b->slot, SLOT_OPEN, b);
	slot_get(b->slot);
	*existing = b->slot;
	return 0;
}

/*
 * The binding is in the ledger before it can be loaded by anybody.  An engine
 * that is started while the others are held is held from birth: its binding
 * waits in the ledger.
 */
static int bind_locked(struct slot *slot, struct binding *b)
{
	struct ledger *l = ledger_of(slot->owner);

	if (name_taken_locked(slot))
		return -EEXIST;
	slot_get(slot);			/* the binding's */
	if (l)
		list_add_tail(&b->ledger, &l->bindings);
	list_add_tail(&slot->names, &slot_names);
	if (opens_at_once(slot))
		set_phase_locked(slot, SLOT_OPEN, b);
	else if (slot->ops->engine)
		slot->held = true;
	else if (owner_state(slot->owner) == MODULE_DEFERRED)
		set_phase_locked(slot, SLOT_VOID, NULL);
	return 0;
}

/*
 * The memory is asked for before the lock, needed or not.  It is the module's,
 * as the binding points into it: what the kernel keeps is the slot.
 */
int slot_register(struct slot *slot, const struct slot_registration *reg,
		  struct slot **existing)
{
	struct ledger *l = ledger_of(slot->owner);
	struct binding *b, *known = NULL;
	uint32_t flags;
	int err = may_register(slot);

	*existing = NULL;
	if (err)
		return err;
	b = kmalloc_owner(sizeof(*b), GFP_KERNEL | __GFP_ZERO, slot->owner);
	if (!b)
		return -ENOMEM;
	b->slot = slot;
	b->ops = reg->ops;
	b->fn = reg->fn;
	b->arg = reg->arg;
	b->site = reg->site;
	b->since = stamp_of(ktime_get_ns());
	INIT_LIST_HEAD(&b->ledger);

	flags = spin_lock_irqsave(&slot_lock);
	if (l)
		known = slot->ops->engine ? find_engine_locked(l, slot, reg) :
					    find_door_locked(l, slot);
	if (known)
		err = rebind_locked(known, reg, existing);
	else
		err = bind_locked(slot, b);
	spin_unlock_irqrestore(&slot_lock, flags);
	if (err == -EEXIST)
		slot_name_taken(slot->ops->kind, slot->name, slot->owner);
	if (err || known)
		kfree(b);
	return err;
}

/*
 * The binding of a slot, in place or not.  NULL: it is void and was forgotten,
 * or the dossier is not there.
 */
static struct binding *slot_entry_locked(struct slot *slot)
{
	struct ledger *l = ledger_of(slot->owner);
	struct binding *b;

	if (slot->binding || !l)
		return slot->binding;
	list_for_each_entry(b, &l->bindings, ledger)
		if (b->slot == slot)
			return b;
	return NULL;
}

/*
 * A door closes with one store.  Who has loaded the binding before that goes
 * on; he is evidence, or counted.  An engine's binding stays: it is held later,
 * in an order that loses nothing.
 */
void slot_withdraw(struct slot *slot)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct binding *b = slot_entry_locked(slot);
	enum module_state s = owner_state(slot->owner);

	if (b)
		b->withdrawn = true;
	if (slot->phase == SLOT_VOID || owners[slot->owner].abandoned) {
		;	/* a late unregister changes nothing any more */
	} else if (s == MODULE_CLOSED || s == MODULE_HELD) {
		if (slot->phase == SLOT_OPEN && !slot->ops->engine)
			set_phase_locked(slot, SLOT_CLOSED, NULL);
	} else {
		list_del_init(&slot->names);
		set_phase_locked(slot, SLOT_VOID, NULL);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
}

/*
 * ledger_mutex, as a walk over the engines may stand at this very entry.  The
 * binding is freed when it is in no list and no slot.
 */
void slot_forget(struct slot *slot)
{
	struct binding *b;
	uint32_t flags;

	mutex_lock(&ledger_mutex);
	flags = spin_lock_irqsave(&slot_lock);
	b = slot_entry_locked(slot);
	if (b)
		list_del_init(&b->ledger);
	list_del_init(&slot->names);
	set_phase_locked(slot, SLOT_VOID, NULL);
	spin_unlock_irqrestore(&slot_lock, flags);
	mutex_unlock(&ledger_mutex);
	if (!b)
		return;
	kfree(b);
	slot_put(slot);
}

void slot_unhold_locked(struct slot *slot)
{
	struct binding *b = slot_entry_locked(slot);

	assert_spin_held(&slot_lock);
	WRITE_ONCE(slot->held, false);
	if (b)
		smp_store_release(&slot->binding, b);
}

struct binding *slot_entry(struct slot *slot)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct binding *b = slot_entry_locked(slot);

	spin_unlock_irqrestore(&slot_lock, flags);
	return b;
}

/* ---- newcomers ---- */

/*
 * The generation is read under the lock together with the phase: a change after
 * that is one that slot_wait_outcome() sees.
 */
int slot_closed(struct slot *slot)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	enum slot_phase phase = slot->phase;
	uint32_t generation = slot->generation;

	spin_unlock_irqrestore(&slot_lock, flags);
	if (phase == SLOT_VOID || !guard(CLOSED_WAIT))
		return -ENODEV;
	/* Open again already: the generation to wait for is past. */
	slot_get(slot);
	if (current->restart_slot)
		slot_put(current->restart_slot);
	current->restart_slot = slot;
	current->restart_generation =
		phase == SLOT_OPEN ? generation - 1 : generation;
	return -ERESTARTSYS;
}

bool slot_wait_outcome(void)
{
	struct slot *slot = current->restart_slot;
	int err;

	if (!slot)
		return false;
	/*
	 * Without the lock: the wake-up comes after the generation has changed,
	 * and the reference is ours until it is put below.
	 */
	err = wait_event_killable(slot->waiters,
				  READ_ONCE(slot->generation) !=
				  current->restart_generation);
	current->restart_slot = NULL;
	slot_put(slot);
	return err == 0;
}

/* ---- doors, all of a module's ---- */

/* Engines are not touched by what follows; they have hold and let_go. */
#define for_each_door(b, l)					\
	list_for_each_entry(b, &(l)->bindings, ledger)		\
		if (!(b)->slot->ops->engine)

bool ledger_find_open(module_id_t owner, const char **kind, char *name,
		      size_t size)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct ledger *l = ledger_of(owner);
	struct binding *b;
	bool found = false;

	for_each_door(b, l) {
		if (b->withdrawn || found)
			continue;
		*kind = b->slot->ops->kind;
		strscpy(name, b->slot->name, size);
		found = true;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return found;
}

/*
 * All doors in one critical section.  A user takes no lock, and may find one of
 * them open and the next one not yet.  Then he asks slot_closed(), which takes
 * the lock: they are all open there, and he comes again at once.
 */
static void doors_to_phase(module_id_t owner, enum slot_phase phase)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct ledger *l = ledger_of(owner);
	struct binding *b;

	for_each_door(b, l) {
		/* Taken back while the module lived: not part of this. */
		if (list_empty(&b->slot->names))
			continue;
		if (phase == SLOT_OPEN)
			b->withdrawn = false;
		if (b->slot->phase != phase)
			set_phase_locked(b->slot, phase,
					 phase == SLOT_OPEN ? b : NULL);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
}

void ledger_open_doors(module_id_t owner)
{
	doors_to_phase(owner, SLOT_OPEN);
}

void ledger_void_doors(module_id_t owner)
{
	doors_to_phase(owner, SLOT_VOID);
}

/* ---- engines, all of a module's ---- */

static void await_entries(module_id_t owner, bool awaited, pid_t registrar)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct ledger *l = ledger_of(owner);
	struct binding *b;

	l->registrar = registrar;
	list_for_each_entry(b, &l->bindings, ledger)
		b->awaited = awaited;
	spin_unlock_irqrestore(&slot_lock, flags);
}

void ledger_register_again(module_id_t owner)
{
	await_entries(owner, true, current->pid);
}

void ledger_register_done(module_id_t owner)
{
	await_entries(owner, false, 0);
}

/*
 * Entries come at the end, and go under ledger_mutex only: the walk may drop
 * slot_lock between two.
 */
static struct binding *next_engine(struct ledger *l, struct binding *b)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct list_head *p = b ? b->ledger.next : l->bindings.next;
	struct binding *next = NULL;

	for (; p != &l->bindings && !next; p = p->next) {
		struct binding *c = list_entry(p, struct binding, ledger);

		if (c->slot->ops->engine)
			next = c;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return next;
}

/*
 * The binding leaves its slot when the engine is held, and is back before it is
 * let go: kernel memory points into the module only while the engine may run.
 */
static void engine_set_binding(struct slot *s, struct binding *b, bool held)
{
	assert_spin_held(&slot_lock);
	s->held = held;
	smp_store_release(&s->binding, b);
}

static bool engine_is_busy(struct slot *s)
{
	return s->ops->busy && s->ops->busy(s);
}

/*
 * One that others set going is marked held by its hold(), and no more by who
 * has set it going since (slot_unhold_locked): at rest it may be again, but not
 * as hold() has left it.
 */
static bool engine_is_at_rest(struct slot *s)
{
	return !s->ops->busy || (s->held && !s->ops->busy(s));
}

/* False: it was set going again since it came to rest. */
static bool engine_take(struct slot *s)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool at_rest = engine_is_at_rest(s);

	if (at_rest)
		engine_set_binding(s, NULL, true);
	spin_unlock_irqrestore(&slot_lock, flags);
	return at_rest;
}

static void engine_give_back(struct slot *s, struct binding *b)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	engine_set_binding(s, b, false);
	spin_unlock_irqrestore(&slot_lock, flags);
	s->ops->let_go(s, b);
}

/* Of those too that were not held yet: they have been told to come to rest. */
static void let_go_locked(struct ledger *l)
{
	struct binding *b = NULL;

	assert_mutex_held(&ledger_mutex);
	while ((b = next_engine(l, b)))
		if (b->slot->phase != SLOT_VOID)
			engine_give_back(b->slot, b);
}

static struct slot *find_busy_locked(struct ledger *l)
{
	struct binding *b = NULL;

	assert_mutex_held(&ledger_mutex);
	while ((b = next_engine(l, b)))
		if (b->slot->phase != SLOT_VOID && engine_is_busy(b->slot))
			return b->slot;
	return NULL;
}

static void describe_blocker(struct slot *s, struct ledger_blocker *b)
{
	b->kind = s->ops->kind;
	b->pid = s->ops->pid ? s->ops->pid(s) : 0;
	strscpy(b->name, s->name, sizeof(b->name));
	b->what[0] = '\0';
	if (s->ops->describe)
		s->ops->describe(s, b->what, sizeof(b->what));
}

/*
 * All are asked, also when one is not at rest yet: they come to rest side by
 * side, and only the first is named.
 */
static int hold_locked(struct ledger *l, struct ledger_blocker *blocker)
{
	struct binding *b = NULL;
	int result = 0;

	assert_mutex_held(&ledger_mutex);
	while ((b = next_engine(l, b))) {
		struct slot *s = b->slot;

		if (s->phase == SLOT_VOID || (s->held && !s->binding))
			continue;
		if (s->ops->hold(s, b) == 0 && engine_take(s))
			continue;
		if (!result && blocker)
			describe_blocker(s, blocker);
		result = -EAGAIN;
	}
	return result;
}

/*
 * To be called again; who is held by then is passed over.  Who is busy needs
 * the others to come to an end, and they are let go should they be held: it was
 * set going by one that was the last.
 */
int ledger_hold(module_id_t owner, struct ledger_blocker *blocker)
{
	struct ledger *l = ledger_of(owner);
	struct slot *busy;
	int result;

	mutex_lock(&ledger_mutex);
	busy = blocker ? find_busy_locked(l) : NULL;
	if (busy) {
		describe_blocker(busy, blocker);
		let_go_locked(l);
		result = -EAGAIN;
	} else {
		result = hold_locked(l, blocker);
	}
	mutex_unlock(&ledger_mutex);
	return result;
}

/*
 * Lists are changed with interrupts off only: in a rendezvous none is half
 * changed.
 */
bool ledger_is_held(module_id_t owner)
{
	const struct ledger *l = ledger_of(owner);
	const struct binding *b;

	list_for_each_entry(b, &l->bindings, ledger)
		if (b->slot->ops->engine && b->slot->phase != SLOT_VOID &&
		    (b->slot->binding || !b->slot->held))
			return false;
	return true;
}

void ledger_let_go(module_id_t owner)
{
	mutex_lock(&ledger_mutex);
	let_go_locked(ledger_of(owner));
	mutex_unlock(&ledger_mutex);
}

/*
 * Every engine is held, the verdict has seen to that.  Who still waits for the
 * slot learns that it is void.
 */
uint32_t ledger_bury(module_id_t owner)
{
	struct ledger *l = ledger_of(owner);
	struct binding *b = NULL;
	uint32_t threads = 0;

	mutex_lock(&ledger_mutex);
	while ((b = next_engine(l, b))) {
		uint32_t flags;

		if (b->slot->phase == SLOT_VOID)
			continue;
		if (b->slot->ops->pid && b->slot->ops->pid(b->slot))
			threads++;
		b->slot->ops->bury(b->slot, b);
		flags = spin_lock_irqsave(&slot_lock);
		list_del_init(&b->slot->names);
		set_phase_locked(b->slot, SLOT_VOID, NULL);
		spin_unlock_irqrestore(&slot_lock, flags);
	}
	mutex_unlock(&ledger_mutex);
	return threads;
}

/*
 * Its doors have been void for long, so there is nobody to be woken.  No
 * ledger_mutex: nobody holds, buries or starts engines of a module that is
 * destroyed.
 */
void ledger_release(module_id_t owner)
{
	struct ledger *l = ledger_of(owner);

	for (;;) {
		uint32_t flags = spin_lock_irqsave(&slot_lock);
		struct binding *b = list_first_entry_or_null(&l->bindings,
						struct binding, ledger);
		struct slot *slot = b ? b->slot : NULL;

		if (b) {
			list_del_init(&b->ledger);
			list_del_init(&slot->names);
			slot->phase = SLOT_VOID;
			smp_store_release(&slot->binding, NULL);
		}
		spin_unlock_irqrestore(&slot_lock, flags);
		if (!b)
			return;
		kfree(b);
		slot_put(slot);
	}
}
