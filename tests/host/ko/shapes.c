/*
 * A module that is all shapes of code and data which compilers make: the host
 * tests build it with many compilers and flags, relocate it, and run
 * shapes_selfcheck(), which returns 0 or the line of what went wrong.
 */
#include <kernel/export.h>
#include <kernel/init.h>
#include <kernel/moduleparam.h>
#include <kernel/types.h>

int init_module(void);
int host_add(int a, int b);
extern int host_value;
extern int absent(void) __attribute__((weak));
extern int absent_object __attribute__((weak));
int other_twice(int x);
int shapes_selfcheck(void);
int shapes_switch(int x);
int shapes_default(void) __attribute__((weak));

MODULE_LICENSE("MIT");
MODULE_DESCRIPTION("shapes of code and data");
MODULE_AUTHOR("Icebox");
MODULE_VERSION("1.2");

static int limit = 10;
static unsigned int mask = 3;
static bool loud;
static const char *label = "none";
static char title[16] = "untitled";

module_param(limit, int, 0444);
MODULE_PARM_DESC(limit, "entries kept at most");
module_param(mask, uint, 0444);
module_param(loud, bool, 0644);
module_param_named(tag, label, charp, 0);
module_param_string(title, title, sizeof(title), 0444);

#ifdef TENTATIVE
int shapes_common;
char shapes_common_page[64] __aligned(4096);
#else
int shapes_common = 0;
char shapes_common_page[64] __aligned(4096) = { 0 };
#endif

int shapes_value = 7;
int *shapes_value_ptr = &shapes_value;
static int counter = 40;
int shapes_zeroed[1000];
const int shapes_squares[] = { 0, 1, 4, 9, 16 };
static const char *const words[] = { "zero", "one", "two" };
char shapes_wide[32] __aligned(64) = "wide";
int shapes_setup __initdata = 5;

struct ops {
	int (*call)(int x);
	const char *name;
	const int *data;
};

int shapes_switch(int x)
{
	switch (x) {
	case 0:
		return host_add(x, 11);
	case 1:
		return host_value;
	case 2:
		return counter++;
	case 3:
		return shapes_squares[counter & 3];
	case 4:
		return shapes_value * 3;
	case 5:
		return words[1][0];
	case 6:
		return host_add(host_value, x);
	case 7:
		return shapes_common + 5;
	default:
		return -1;
	}
}

static int minus(int x)
{
	return -x + counter;
}

const struct ops shapes_ops = { minus, "minus", &shapes_squares[2] };
struct ops shapes_changing = { shapes_switch, "switch", &shapes_value };

int shapes_default(void)
{
	return 77;
}

#define CHECK(cond) do { if (!(cond)) return __LINE__; } while (0)

static int check_code(void)
{
	int (*volatile call)(int x) = shapes_ops.call;

	CHECK(shapes_switch(0) == 11);
	CHECK(shapes_switch(1) == host_value);
	CHECK(shapes_switch(2) == 40 && counter == 41);
	CHECK(shapes_switch(3) == shapes_squares[1]);
	CHECK(shapes_switch(4) == 21);
	CHECK(shapes_switch(5) == 'o');
	CHECK(shapes_switch(6) == host_value + 6);
	CHECK(shapes_switch(7) == 5);
	CHECK(shapes_switch(8) == -1);
	CHECK(call(1) == 40);
	CHECK(shapes_changing.call(4) == 21);
	CHECK(other_twice(21) == 42);
	CHECK(shapes_default() == 77);
	return 0;
}

static int check_data(void)
{
	volatile int i;

	CHECK(shapes_value_ptr == &shapes_value && *shapes_value_ptr == 7);
	CHECK(shapes_ops.data == &shapes_squares[2] && *shapes_ops.data == 4);
	CHECK(shapes_ops.name[0] == 'm' && shapes_changing.name[1] == 'w');
	CHECK(((uintptr_t)shapes_common_page & 4095) == 0);
	CHECK(((uintptr_t)shapes_wide & 63) == 0 && shapes_wide[3] == 'e');
	CHECK(!absent && !&absent_object);
	for (i = 0; i < 1000; i++)
		CHECK(shapes_zeroed[i] == 0);
	for (i = 0; i < 64; i++)
		CHECK(shapes_common_page[i] == 0);
	return 0;
}

int shapes_selfcheck(void)
{
	int line = check_code();

	return line ? line : check_data();
}
EXPORT_SYMBOL(shapes_selfcheck);
EXPORT_SYMBOL(shapes_value);

static int __init shapes_init(void)
{
	switch (shapes_setup + limit) {
	case 15:
		return host_add(shapes_setup, mask);
	case 16:
		return title[0];
	case 17:
		return label[0];
	case 18:
		return loud;
	case 19:
		return 1;
	default:
		return -22;
	}
}

static int shapes_register(void)
{
	return counter;
}

static void shapes_unregister(void)
{
	counter = 0;
}

static void shapes_cleanup(void)
{
	shapes_zeroed[0] = 1;
}

module_init(shapes_init);
module_register(shapes_register);
module_unregister(shapes_unregister);
module_cleanup(shapes_cleanup);
