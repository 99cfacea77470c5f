/*
 * A device to be interrupted in.
 *
 * Each way of being inside a module that is hard to see from outside is one
 * stretch of this code: entered and not yet counted, counted, uncounted and not
 * yet left, in a kernel function with only the return address here, in a leaf,
 * gone by a tail jump with nothing but an argument that points here (H01 to
 * H08).  Nothing in it sleeps, but for a mutex of the kernel's (H22).  The test
 * `exact` stops a thread at every single instruction of it and unloads it.
 *
 * It counts itself inside its own code, as no module can do without a gap: that
 * the gap is harmless is what the test shows.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/mutex.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#define PROBE_VISIT	1u
#define PROBE_TELL	2u	/* to the user address @arg */
#define PROBE_LOCK	3u	/* the kernel's mutex at @arg, and unlock */

static const char greeting[] = "who is there?";
static unsigned int visits;		/* races between visitors do no harm */

/* A leaf; what it gives is small, so that it looks like nobody's address. */
static noinline unsigned int mix(unsigned int x)
{
	return (x * 5 + 1) & 0xffff;
}

static long visit(void)
{
	unsigned int x = mix(visits) ^ (ktime_get_ns() & 0xff);

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	visits = mix(x);
	module_put(THIS_MODULE);
	visits = mix(visits);
	return 0;
}

static long lock_and_unlock(struct mutex *m)
{
	mutex_lock(m);
	visits = mix(visits);
	mutex_unlock(m);
	return 0;
}

static long probe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case PROBE_VISIT:
		return visit();
	case PROBE_TELL:
		return copy_to_user((void __user *)arg, &visits,
				    sizeof(visits)) ? -EFAULT : 0;
	case PROBE_LOCK:
		/* From kernel tests, which have no file; no program's. */
		return file ? -ENOTTY : lock_and_unlock((struct mutex *)arg);
	default:
		return -ENOTTY;
	}
}

/* The jump at its end leaves no address of this text behind. */
static ssize_t probe_read(struct file *file, char __user *buf, size_t n,
			  loff_t *pos)
{
	(void)file;
	(void)buf;
	(void)n;
	(void)pos;
	return (ssize_t)strlen(greeting);
}

static int probe_open(struct inode *inode, struct file *file)
{
	(void)inode;
	file->private_data = &visits;
	return 0;
}

static int probe_release(struct inode *inode, struct file *file)
{
	(void)inode;
	visits = mix(*(unsigned int *)file->private_data);
	return 0;
}

static const struct file_operations probe_fops = {
	.open = probe_open,
	.release = probe_release,
	.read = probe_read,
	.unlocked_ioctl = probe_ioctl,
};

static const struct miscdevice probe_misc = {
	.name = "probe",
	.fops = &probe_fops,
};

static int probe_init(void)
{
	return 0;
}

static int probe_register(void)
{
	return misc_register(&probe_misc);
}

static void probe_unregister(void)
{
	misc_deregister(&probe_misc);
}

module_init(probe_init);
module_register(probe_register);
module_unregister(probe_unregister);
MODULE_DESCRIPTION("a device to be interrupted in");
MODULE_LICENSE("MIT");
