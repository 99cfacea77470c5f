/*
 * Other people's answers to "may its text go now?", for the lab build.
 *
 * strategy=NAME on the kernel's command line puts one of them in the place of
 * steps 4, 5 and 8 of the protocol.  All else stays as it is: doors close,
 * engines are held, the count is looked at.  So each is shown at its best, and
 * what goes wrong under it is its own doing.  docs/matrix.md says where each
 * comes from.
 */
#ifndef MODULE_STRATEGY_H
#define MODULE_STRATEGY_H

#include <kernel/types.h>

struct attempt;

#ifdef CONFIG_LAB
/* Boot, once: what @cmdline names; an unknown name is said in the log. */
void strategy_init(const char *cmdline);
/* Another one than the protocol's was chosen.  Any context. */
bool strategy_is_chosen(void);
/*
 * As verdict_rounds(), by the strategy's means.  A verdict without @commit is
 * the one after cleanup: none of them has that, so it is always 0.
 */
int strategy_rounds(struct attempt *a, bool commit, uint64_t deadline);
#else
static inline void strategy_init(const char *cmdline)
{
	(void)cmdline;
}

static inline bool strategy_is_chosen(void)
{
	return false;
}

static inline int strategy_rounds(struct attempt *a, bool commit,
				  uint64_t deadline)
{
	(void)a, (void)commit, (void)deadline;
	return 0;
}
#endif

#endif
