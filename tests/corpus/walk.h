/*
 * The corpus: every function that walks memory by a pointer, by name, with the
 * memory that it is to find there.
 *
 * All take (t, o, n) in registers: what the compiler does for functions of its
 * own file, and the hardest case, as no word of the caller's stack has the
 * pointer.  @t is the territory, @o memory elsewhere, @n a number of elements;
 * all three are told by the kind.
 *
 * WALK(name, kind)
 */
#ifndef CORPUS_WALK_H
#define CORPUS_WALK_H

typedef unsigned int u32;
typedef unsigned char u8;

/*
 * WORDS	n words at t and o, small numbers, ascending
 * END		t is one past the last of n words
 * TEXT		strings of n bytes and a NUL at t and o, the same
 * LIST		t is the first of n nodes, o a key that the last has
 * RECORD	t is the address of a member in the middle of n records
 */
enum kind { WORDS, END, TEXT, LIST, RECORD };

struct node {
	struct node	*next, *prev;
	u32		key;
};

struct record {
	u32		before[3];
	u32		member;
	u32		after[4];
};

#define CORPUS(WALK)					\
	WALK(forwards, WORDS)				\
	WALK(backwards, WORDS)				\
	WALK(down_from_end, END)			\
	WALK(negative_index, END)			\
	WALK(until_end, WORDS)				\
	WALK(strided, WORDS)				\
	WALK(unrolled, WORDS)				\
	WALK(two_ends, WORDS)				\
	WALK(reverse, WORDS)				\
	WALK(difference, WORDS)				\
	WALK(fixed_offset, WORDS)			\
	WALK(copy_out, WORDS)				\
	WALK(copy_in, WORDS)				\
	WALK(copy_out_by_index, WORDS)			\
	WALK(copy_in_by_index, WORDS)			\
	WALK(copy_by_difference, WORDS)			\
	WALK(add_both, WORDS)				\
	WALK(three_arrays, WORDS)			\
	WALK(pressure, WORDS)				\
	WALK(gather, WORDS)				\
	WALK(bytes, TEXT)				\
	WALK(length, TEXT)				\
	WALK(compare, TEXT)				\
	WALK(copy_string, TEXT)				\
	WALK(find_last, TEXT)				\
	WALK(checksum, TEXT)				\
	WALK(list_sum, LIST)				\
	WALK(list_find, LIST)				\
	WALK(list_back, LIST)				\
	WALK(list_reverse, LIST)			\
	WALK(search, WORDS)				\
	WALK(hash, WORDS)				\
	WALK(rows, WORDS)				\
	WALK(columns, WORDS)				\
	WALK(sort, WORDS)				\
	WALK(select, WORDS)				\
	WALK(in_union, WORDS)				\
	WALK(container, RECORD)				\
	WALK(containers, RECORD)			\
	WALK(last_at_end, WORDS)			\
	WALK(far_bias, WORDS)				\
	WALK(switch_on, TEXT)				\
	WALK(recurse, LIST)				\
	WALK(callback, WORDS)

/* It hides its pointer: what must be found, or nothing is measured. */
#define CONTROL(WALK)					\
	WALK(disguised, WORDS)

#define WALK_ARGS	(void *t, void *o, u32 n)
#define WALK_DECLARE(name, kind) \
	u32 __attribute__((regparm(3))) WALK_NAME(name) WALK_ARGS;

#endif
