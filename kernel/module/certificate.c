/*
 * Fills a death certificate.  It lies in memory that the kernel does not
 * search, and has page and frame numbers, never addresses of the window.
 */
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/coroner.h>
#include <module/certificate.h>
#include <x86/smp.h>

#ifdef CONFIG_LAB

#define CERTIFICATE_PAGES	16384u
#define CERTIFICATE_WORD	16
#define PATIENCE_NS		(50 * NSEC_PER_MSEC)

/* Read by tools/coroner, by these names. */
struct certificate_name {
	uint32_t	id;
	uint32_t	state;			/* enum module_state */
	char		name[OWNER_NAME_LEN];
};

struct certificate_page {
	uint16_t	page;			/* of the window */
	uint16_t	id;			/* whose */
	uint32_t	frame;			/* 0: not mapped */
};

struct certificate {
	uint32_t	serial;			/* of certificates, from 1 */
	uint32_t	unload_number;
	uint32_t	kind;			/* enum certificate_kind */
	char		conclusion[CERTIFICATE_WORD];
	uint32_t	nr_names;
	struct certificate_name name[UNLOAD_MAX_NAMES];
	uint32_t	nr_pages;		/* more than fit are counted */
	struct certificate_page page[CERTIFICATE_PAGES];
};

static struct certificate certificate __no_pointers;

static void name_the_dead(const struct territory *terr)
{
	certificate.nr_names = terr->n;
	for (uint32_t i = 0; i < terr->n; i++) {
		struct certificate_name *n = &certificate.name[i];
		const struct owner *o = owner_of(terr->ids[i]);

		n->id = terr->ids[i];
		n->state = o->state;
		strscpy(n->name, o->name, sizeof(n->name));
	}
}

static void note_page(uint32_t page, module_id_t id)
{
	const pte_t *pte = paging_kernel_pte(WINDOW_BASE + page * PAGE_SIZE);
	uint32_t n = certificate.nr_pages++;

	if (n >= CERTIFICATE_PAGES)
		return;
	certificate.page[n] = (struct certificate_page){
		.page = (uint16_t)page,
		.id = id,
		.frame = *pte & PTE_P ? (uint32_t)((*pte & PTE_ADDR) /
						   PAGE_SIZE) : 0,
	};
}

static void note_pages(const struct territory *terr)
{
	certificate.nr_pages = 0;
	for (uint32_t n = 0; n < WINDOW_SIZE / PAGE_SIZE; n++) {
		module_id_t id = window_owner(WINDOW_BASE + n * PAGE_SIZE);

		if (terr->member[id])
			note_page(n, id);
	}
}

void certify(const struct territory *terr, uint32_t unload_number,
	     enum certificate_kind kind, const char *conclusion)
{
	if (!coroner_wants(unload_number))
		return;
	certificate.serial++;
	certificate.unload_number = unload_number;
	certificate.kind = kind;
	strscpy(certificate.conclusion, conclusion,
		sizeof(certificate.conclusion));
	name_the_dead(terr);
	note_pages(terr);
	coroner_verdict();
}

struct lone_certificate {
	const struct territory	*terr;
	uint32_t		unload_number;
	enum certificate_kind	kind;
	const char		*conclusion;
};

static int certify_stopped(void *arg)
{
	const struct lone_certificate *c = arg;

	certify(c->terr, c->unload_number, c->kind, c->conclusion);
	return 0;
}

/* If a CPU is late it goes unheard; of a refusal the next round's may not. */
void certify_alone(const struct territory *terr, uint32_t unload_number,
		   enum certificate_kind kind, const char *conclusion)
{
	struct lone_certificate c = { terr, unload_number, kind, conclusion };
	uint64_t stopped;
	uint32_t late;

	if (coroner_wants(unload_number))
		smp_rendezvous(certify_stopped, &c, PATIENCE_NS, &late,
			       &stopped);
}

#endif
