/*
 * Death certificates: what the kernel says to the coroner, who judges each
 * verdict once more from outside (tools/coroner).  Of the lab build only.
 *
 * A certificate names the dead and what the kernel has concluded; it is the
 * coroner's to find out whether that is so.  What else is in it (pages, frames)
 * is there to be compared with what he finds himself.
 */
#ifndef MODULE_CERTIFICATE_H
#define MODULE_CERTIFICATE_H

#include <module/internal.h>

/* What is judged.  The coroner knows these by name. */
enum certificate_kind {
	CERTIFICATE_COMMIT,	/* the verdict that makes them DEAD */
	CERTIFICATE_SECOND,	/* after cleanup: the memory goes */
	CERTIFICATE_REFUSAL,	/* a round that ended before a verdict */
};

#ifdef CONFIG_LAB
/*
 * In a rendezvous, by the undertaker: all CPUs stand still while the coroner
 * looks.  @conclusion is one word.  Takes no lock.  Where there is no coroner
 * it does nothing.
 */
void certify(const struct territory *terr, uint32_t unload_number,
	     enum certificate_kind kind, const char *conclusion);
/*
 * The same where there is no verdict: a round that found evidence before, a
 * burial whose guard was taken away.  Makes the rendezvous itself, with a
 * while's patience.  Process context, no spinlock.
 */
void certify_alone(const struct territory *terr, uint32_t unload_number,
		   enum certificate_kind kind, const char *conclusion);
#else
static inline void certify(const struct territory *terr, uint32_t unload_number,
			   enum certificate_kind kind, const char *conclusion)
{
	(void)terr;
	(void)unload_number;
	(void)kind;
	(void)conclusion;
}

static inline void certify_alone(const struct territory *terr,
				 uint32_t unload_number,
				 enum certificate_kind kind,
				 const char *conclusion)
{
	(void)terr;
	(void)unload_number;
	(void)kind;
	(void)conclusion;
}
#endif

#endif
