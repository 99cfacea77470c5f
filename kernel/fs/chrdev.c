/*
 * Character devices of modules: the door between files and modules.
 *
 * /dev/NAME is a slot.  Opening it loads the slot's binding once; what was
 * loaded is evidence as long as it is in a register or on the stack, and from
 * count_open() on the open file is counted.  Before that not a word of it is
 * stored in kernel memory.  The list here has slots only, which outlive the
 * module.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/internal.h>
#include <lib/guard.h>
#include <sched/owner.h>
#include <sched/refs.h>
#include <sched/sched.h>
#include <sched/slot.h>

/*
 * Lock key: (c) constant  (l) chrdev_lock
 */
struct chrdev {
	struct slot		slot;
	uint32_t		ino;	/* (c) */
	struct list_head	link;	/* (l) in chrdevs, by ino */
};

static DEFINE_SPINLOCK(chrdev_lock);
static LIST_HEAD(chrdevs);
static LIST_HEAD(open_files);		/* chrdev_lock, by file->of_devices */

/*
 * Nobody can find the slot any more, or nobody could yet.  Readers of the list,
 * who hold the lock, may still be looking at it.
 */
static void chrdev_destroy(struct slot *slot)
{
	struct chrdev *c = container_of(slot, struct chrdev, slot);
	uint32_t flags = spin_lock_irqsave(&chrdev_lock);

	list_del(&c->link);
	spin_unlock_irqrestore(&chrdev_lock, flags);
	kfree(c);
}

static void chrdev_describe(struct slot *slot, char *buf, size_t size)
{
	snprintf(buf, size, "/dev/%s", slot->name);
}

static const struct slot_ops chrdev_slot_ops = {
	.kind		= "device",
	.destroy	= chrdev_destroy,
	.describe	= chrdev_describe,
};

/* ---- for modules ---- */

static bool name_is_good(const char *name)
{
	size_t len = strnlen(name, SLOT_NAME_LEN);

	if (len == 0 || len == SLOT_NAME_LEN || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || (uint8_t)name[i] > '~' || name[i] == '/')
			return false;
	return true;
}

/* It would hide a device of this name, which nobody could open then. */
static bool is_fixed_node(const char *name)
{
	char path[sizeof("/dev/") + SLOT_NAME_LEN];
	struct inode *inode;
	bool fixed;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (fs_lookup(path, &inode))
		return false;
	fixed = inode->f_op || !inode_is(inode, S_IFCHR);
	inode_put(inode);
	return fixed;
}

static struct chrdev *chrdev_new(const char *name, module_id_t owner)
{
	struct chrdev *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	slot_setup(&c->slot, &chrdev_slot_ops, name, owner);
	c->ino = inode_next_number();
	INIT_LIST_HEAD(&c->link);
	return c;
}

/* Numbers only grow, but two registrations may overtake each other here. */
static void chrdev_list(struct chrdev *c)
{
	uint32_t flags = spin_lock_irqsave(&chrdev_lock);
	struct list_head *at = chrdevs.prev;

	while (at != &chrdevs &&
	       list_entry(at, struct chrdev, link)->ino > c->ino)
		at = at->prev;
	list_add(&c->link, at);
	spin_unlock_irqrestore(&chrdev_lock, flags);
}

int misc_register_owner(const struct miscdevice *misc, module_id_t owner)
{
	struct slot_registration reg = {
		.ops	= misc->fops,
		.arg	= (void *)(uintptr_t)misc,
		.site	= (uintptr_t)__builtin_return_address(0),
	};
	struct slot *existing = NULL;
	struct chrdev *c;
	int err;

	if (!misc->name || !misc->fops || !name_is_good(misc->name))
		return -EINVAL;
	if (is_fixed_node(misc->name))
		return -EEXIST;
	c = chrdev_new(misc->name, owner);
	if (!c)
		return -ENOMEM;
	/* Listed first: once registered it may be withdrawn and destroyed. */
	chrdev_list(c);
	err = slot_register(&c->slot, &reg, &existing);
	if (err || existing)
		chrdev_destroy(&c->slot);
	else
		slot_put(&c->slot);	/* the ledger keeps it */
	if (existing)
		slot_put(existing);
	return err;
}
EXPORT_SYMBOL(misc_register_owner);

void misc_deregister_owner(const struct miscdevice *misc, module_id_t owner)
{
	struct slot *slot = slot_find(&chrdev_slot_ops, misc->name);

	if (slot && slot->owner == owner)
		slot_withdraw(slot);
	else
		pr_warn("%s: misc_deregister: no device %s of its own",
			owner ? owner_of(owner)->name : "kernel", misc->name);
	if (slot)
		slot_put(slot);
}
EXPORT_SYMBOL(misc_deregister_owner);

/* ---- for the tree ---- */

/* Referenced, or NULL.  @name is not terminated: it lies inside a path. */
static struct slot *find_slot(const char *name, size_t len)
{
	char buf[SLOT_NAME_LEN];

	if (len >= sizeof(buf))
		return NULL;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return slot_find(&chrdev_slot_ops, buf);
}

/*
 * The inode has the name and not the slot: the device may go, and another of
 * the name come, between this and the open.
 */
int chrdev_lookup(const char *name, size_t len, struct inode **out)
{
	struct slot *slot = find_slot(name, len);
	struct inode *inode;
	int err = -ENOMEM;

	if (!slot)
		return -ENOENT;
	inode = inode_new(S_IFCHR | 0666, NULL);
	if (!inode)
		goto put_slot;
	inode->ino = container_of(slot, struct chrdev, slot)->ino;
	inode->nlink = 1;
	inode->chr.name = kstrdup_owner(slot->name, GFP_KERNEL, MODULE_NONE);
	if (!inode->chr.name) {
		inode_put(inode);
		goto put_slot;
	}
	*out = inode;
	err = 0;
put_slot:
	slot_put(slot);
	return err;
}

/*
 * The first device listed above @cookie that has a name to show: a closed one
 * has, as it may come back, and a listing is not to tell of an attempt (G2).
 */
static bool next_device(uint32_t cookie, char *name, uint32_t *ino)
{
	uint32_t flags = spin_lock_irqsave(&chrdev_lock);
	bool found = false;
	struct chrdev *c;

	list_for_each_entry(c, &chrdevs, link) {
		if (CHRDEV_COOKIE + c->ino <= cookie ||
		    READ_ONCE(c->slot.phase) == SLOT_VOID)
			continue;
		strscpy(name, c->slot.name, SLOT_NAME_LEN);
		*ino = c->ino;
		found = true;
		break;
	}
	spin_unlock_irqrestore(&chrdev_lock, flags);
	return found;
}

/* A look at the list for each entry: @emit is called with no spinlock held. */
int chrdev_read_dir(uint32_t cookie, dir_emit_fn emit, void *arg)
{
	char name[SLOT_NAME_LEN];
	uint32_t ino;

	while (next_device(cookie, name, &ino)) {
		struct dir_entry e = { name, ino, S_IFCHR,
				       CHRDEV_COOKIE + ino };

		if (!emit(&e, arg))
			break;
		cookie = e.cookie;
	}
	return 0;
}

/* ---- open ---- */

/*
 * The count and the list change together: who is refused for a count finds the
 * file that it stands for (G7).
 */
static void count_open(struct file *file, module_id_t owner)
{
	uint32_t flags = spin_lock_irqsave(&chrdev_lock);

	owner_open_get(owner);
	file->owner = owner;
	list_add_tail(&file->of_devices, &open_files);
	ref_note(owner, (uintptr_t)__builtin_return_address(0), file);
	spin_unlock_irqrestore(&chrdev_lock, flags);
}

/*
 * The pointers into the module go before the count: at count 0 the module may
 * be searched for, and a pointer left here would be a holder without a reason.
 */
void chrdev_file_closed(struct file *file)
{
	module_id_t owner = file->owner;
	uint32_t flags;

	file->f_op = NULL;
	file->private_data = NULL;
	if (owner == MODULE_NONE)
		return;
	flags = spin_lock_irqsave(&chrdev_lock);
	list_del_init(&file->of_devices);
	ref_forget(owner, 0, file);
	file->owner = MODULE_NONE;
	owner_open_put(owner);
	spin_unlock_irqrestore(&chrdev_lock, flags);
}

/* @opener: 0 for whoever it was. */
static bool find_open(module_id_t owner, pid_t opener, uint32_t nth,
		      struct open_note *note)
{
	uint32_t flags = spin_lock_irqsave(&chrdev_lock);
	const struct file *f;
	bool found = false;

	list_for_each_entry(f, &open_files, of_devices) {
		if (f->owner != owner || (opener && f->opener != opener) ||
		    nth-- > 0)
			continue;
		note->opener = f->opener;
		note->since = f->since;
		strscpy(note->path, f->path, sizeof(note->path));
		found = true;
		break;
	}
	spin_unlock_irqrestore(&chrdev_lock, flags);
	return found;
}

bool chrdev_nth_open(module_id_t owner, uint32_t nth, struct open_note *note)
{
	return find_open(owner, 0, nth, note);
}

bool chrdev_opened_by(module_id_t owner, pid_t opener, struct open_note *note)
{
	return find_open(owner, opener, 0, note);
}

/*
 * 0 or the error of the driver's open(): what is neither would be taken for a
 * descriptor.
 */
static int call_open(struct inode *inode, struct file *file)
{
	int err = file->f_op->open ? file->f_op->open(inode, file) : 0;

	return err > 0 ? -EINVAL : err;
}

/* On failure nothing of the module is left in @file and no count is held. */
static int open_binding(struct binding *binding, module_id_t owner,
			struct inode *inode, struct file *file)
{
	int err;

	/* The stack is wiped when the call is over, whatever comes of it. */
	current->wipe_after = true;
	count_open(file, owner);
	file->f_op = binding->ops;
	err = call_open(inode, file);
	if (err)
		chrdev_file_closed(file);
	return err;
}

static struct binding *load_binding(struct slot *slot)
{
	struct binding *binding;
	uint32_t flags;

	if (!lab_counts_at_the_door)
		return slot_binding(slot);
	/* For a strategy: there is no moment between load and count. */
	flags = spin_lock_irqsave(&slot_lock);
	binding = slot_binding(slot);
	if (binding)
		owner_open_get(slot->owner);
	spin_unlock_irqrestore(&slot_lock, flags);
	return binding;
}

int chrdev_open(struct inode *inode, struct file *file)
{
	struct slot *slot = slot_find(&chrdev_slot_ops, inode->chr.name);
	struct binding *binding = NULL;
	int err;

	if (!slot)
		return -ENODEV;
	/* The one load (H43): from here on the value decides, not the slot. */
	if (!guard(BINDING_ONCE) && READ_ONCE(slot->phase) == SLOT_OPEN)
		err = open_binding(slot_binding(slot), slot->owner, inode,
				   file);
	else if ((binding = load_binding(slot)) != NULL)
		err = open_binding(binding, slot->owner, inode, file);
	else
		err = slot_closed(slot);
	if (lab_counts_at_the_door && binding)
		owner_open_put(slot->owner);
	slot_put(slot);
	return err;
}
