/*
 * The sound module that make.py damages, once for each refusal of the loader.
 * It has one of everything that a check looks at, and loads and unloads.
 */
#include <kernel/export.h>
#include <kernel/init.h>
#include <kernel/moduleparam.h>
#include <kernel/printk.h>

MODULE_LICENSE("MIT");
MODULE_DESCRIPTION("sound, to be damaged");

int good_value = 5;
int good_common __attribute__((common));
static int *good_pointer = &good_value;
static int limit = 3;

EXPORT_SYMBOL(good_value);
EXPORT_SYMBOL(good_common);
module_param(limit, int, 0444);
MODULE_PARM_DESC(limit, "any number");

/* Two COMDAT groups, as inline functions and pc thunks make them. */
__asm__(".section .text.one,\"axG\",@progbits,group_one,comdat\n"
	".weak group_one\n"
	".type group_one, @function\n"
	"group_one: ret\n"
	".section .text.two,\"axG\",@progbits,group_two,comdat\n"
	".weak group_two\n"
	".type group_two, @function\n"
	"group_two: ret\n"
	".text");

static int __init good_init(void)
{
	return 0;
}

static int good_register(void)
{
	printk("good: %d of %d, %d\n", *good_pointer, limit, good_common);
	return 0;
}

static void good_cleanup(void)
{
	*good_pointer = 0;
}

module_init(good_init);
module_register(good_register);
module_cleanup(good_cleanup);
