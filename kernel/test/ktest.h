/*
 * In-kernel tests.  A test states a property in its name and returns NULL, or
 * the reason why the property does not hold.  `ktest [SUITE...]` at the shell
 * runs them and prints KTAP.  The runner takes a census (census.h) before and
 * after each: every test is a leak test too.
 */
#ifndef TEST_KTEST_H
#define TEST_KTEST_H

#include <kernel/types.h>

struct ktest {
	const char *suite, *name;
	const char *(*run)(void);
};

/* Process context, in a kernel thread of its own. */
#define KTEST(suite_, name_)						\
	static const char *ktest_##suite_##_##name_(void);		\
	static const struct ktest ktest_entry_##suite_##_##name_	\
	__used __section(".ktest") __aligned(4) =			\
		{ #suite_, #name_, ktest_##suite_##_##name_ };		\
	static const char *ktest_##suite_##_##name_(void)

/*
 * What a reason begins with that says why the test has nothing to say here.
 * It counts as passed.
 */
#define KTEST_SKIP	"SKIP "

#define KTEST_STR2(x)	#x
#define KTEST_STR(x)	KTEST_STR2(x)
#define KTEST_EXPECT(cond) do {						\
	if (!(cond))							\
		return __FILE__ ":" KTEST_STR(__LINE__) ": " #cond;	\
} while (0)

#endif
