/*
 * The smallest module: it says hello when it comes and goodbye when it goes.
 *
 * It shows the life of a module without any of its difficulties: nothing is
 * registered, so nobody can be inside.
 */
#include <kernel/module.h>
#include <kernel/printk.h>

static const char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "who is greeted");

static int hello_init(void)
{
	pr_notice("hello, %s\n", whom);
	return 0;
}

static void hello_cleanup(void)
{
	pr_notice("goodbye, %s\n", whom);
}

module_init(hello_init);
module_cleanup(hello_cleanup);
MODULE_DESCRIPTION("says hello and goodbye");
MODULE_LICENSE("MIT");
