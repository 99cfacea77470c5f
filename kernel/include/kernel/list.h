/*
 * Circular doubly linked lists, with the names that Linux uses.  No locks:
 * the owner of the list head says which one guards it.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <kernel/types.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline void list_insert_between(struct list_head *n,
				       struct list_head *prev,
				       struct list_head *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	prev->next = n;
}

static inline void list_add(struct list_head *n, struct list_head *h)
{
	list_insert_between(n, h, h->next);
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	list_insert_between(n, h->prev, h);
}

/* The entry is left empty, so that a second list_del_init() is harmless. */
static inline void list_del_init(struct list_head *e)
{
	e->next->prev = e->prev;
	e->prev->next = e->next;
	INIT_LIST_HEAD(e);
}

static inline void list_del(struct list_head *e)
{
	list_del_init(e);
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_del_init(e);
	list_add_tail(e, h);
}

/* All of @from goes to the tail of @to; @from is left empty. */
static inline void list_splice_tail_init(struct list_head *from,
					 struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	INIT_LIST_HEAD(from);
}

#define list_entry(p, type, member)	container_of(p, type, member)
#define list_first_entry(h, type, member) \
	list_entry((h)->next, type, member)
#define list_first_entry_or_null(h, type, member) \
	(list_empty(h) ? NULL : list_first_entry(h, type, member))
#define list_next_entry(e, member) \
	list_entry((e)->member.next, __typeof__(*(e)), member)

#define list_for_each(p, h) \
	for ((p) = (h)->next; (p) != (h); (p) = (p)->next)
#define list_for_each_entry(e, h, member)				\
	for ((e) = list_first_entry(h, __typeof__(*(e)), member);	\
	     &(e)->member != (h); (e) = list_next_entry(e, member))
#define list_for_each_entry_safe(e, n, h, member)			\
	for ((e) = list_first_entry(h, __typeof__(*(e)), member),	\
	     (n) = list_next_entry(e, member);				\
	     &(e)->member != (h);					\
	     (e) = (n), (n) = list_next_entry(n, member))

#endif
