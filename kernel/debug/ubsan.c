/*
 * What gcc and clang call where -fsanitize=undefined has found that the C
 * standard leaves it open what happens next.  The debug build dies there, with
 * the place and the values; every call's first argument begins with the place.
 *
 * The names and layouts are the compilers' (the runtime of GCC 12 and of LLVM
 * 14 agree on them).
 */
#include <kernel/bug.h>
#include <kernel/export.h>
#include <kernel/printk.h>
#include <kernel/types.h>

#ifdef CONFIG_DEBUG

struct ubsan_place {
	const char	*file;
	uint32_t	line, column;
};

struct ubsan_type {
	uint16_t	kind;		/* 0: an integer */
	uint16_t	info;		/* bit 0: signed; above: log2 of bits */
	char		name[];		/* quoted */
};

/* Of most checks: the place, then the types of the operands. */
struct ubsan_data {
	struct ubsan_place	place;
	const struct ubsan_type	*type[2];
};

struct ubsan_access {
	struct ubsan_place	place;
	const struct ubsan_type	*type;
	uint8_t			log_alignment, kind;
};

/*
 * Up to 32 bits a value is passed itself, else by its address, as a pointer has
 * 32.
 */
static int64_t value_of(const struct ubsan_type *t, uintptr_t handle)
{
	uint32_t bits = 1u << (t->info >> 1);

	if (bits > 32)
		return *(const int64_t *)handle;
	return t->info & 1 ? (int64_t)(int32_t)handle : (int64_t)handle;
}

static void __noreturn die(const struct ubsan_place *p, const char *what)
{
	panic("undefined behaviour at %s:%u:%u: %s", p->file, p->line,
	      p->column, what);
}

/* Only integers: of another kind the handle is not known here. */
static void show(const struct ubsan_type *t, const char *name,
		 uintptr_t handle)
{
	if (t->kind == 0)
		pr_err("ubsan: %s %lld of type %s", name,
		       (long long)value_of(t, handle), t->name);
}

/*
 * Declared where they are defined, as only the compiler knows of them;
 * exported, as it calls them out of modules, too.
 */
#define UBSAN_BINARY(name, what)					\
	void __ubsan_handle_##name(struct ubsan_data *d, uintptr_t a,	\
				   uintptr_t b);			\
	void __ubsan_handle_##name(struct ubsan_data *d, uintptr_t a,	\
				   uintptr_t b)				\
	{								\
		show(d->type[0], "left", a);				\
		show(d->type[0], "right", b);				\
		die(&d->place, what);					\
	}								\
	EXPORT_SYMBOL(__ubsan_handle_##name)

#define UBSAN_UNARY(name, what)						\
	void __ubsan_handle_##name(struct ubsan_data *d, uintptr_t a);	\
	void __ubsan_handle_##name(struct ubsan_data *d, uintptr_t a)	\
	{								\
		show(d->type[0], "value", a);				\
		die(&d->place, what);					\
	}								\
	EXPORT_SYMBOL(__ubsan_handle_##name)

#define UBSAN_PLAIN(name, what)						\
	void __ubsan_handle_##name(struct ubsan_data *d);		\
	void __ubsan_handle_##name(struct ubsan_data *d)		\
	{								\
		die(&d->place, what);					\
	}								\
	EXPORT_SYMBOL(__ubsan_handle_##name)

UBSAN_BINARY(add_overflow, "a signed sum overflows");
UBSAN_BINARY(sub_overflow, "a signed difference overflows");
UBSAN_BINARY(mul_overflow, "a signed product overflows");
UBSAN_BINARY(divrem_overflow, "a quotient overflows, or its divisor is 0");
UBSAN_UNARY(negate_overflow, "a negation overflows");
UBSAN_UNARY(vla_bound_not_positive, "an array's size is not positive");
UBSAN_UNARY(load_invalid_value, "no value of its type was loaded");
UBSAN_PLAIN(builtin_unreachable, "a place that is never reached");
UBSAN_PLAIN(missing_return, "no value was returned");
UBSAN_PLAIN(nonnull_arg, "NULL for an argument that may not be");
UBSAN_PLAIN(invalid_builtin, "0 has no first bit");

void __ubsan_handle_shift_out_of_bounds(struct ubsan_data *d, uintptr_t a,
					uintptr_t b);
void __ubsan_handle_shift_out_of_bounds(struct ubsan_data *d, uintptr_t a,
					uintptr_t b)
{
	show(d->type[0], "value", a);
	show(d->type[1], "shift", b);
	die(&d->place, "a shift by too much, or of too much");
}
EXPORT_SYMBOL(__ubsan_handle_shift_out_of_bounds);

void __ubsan_handle_out_of_bounds(struct ubsan_data *d, uintptr_t index);
void __ubsan_handle_out_of_bounds(struct ubsan_data *d, uintptr_t index)
{
	show(d->type[1], "index", index);
	die(&d->place, "an index outside of its array");
}
EXPORT_SYMBOL(__ubsan_handle_out_of_bounds);

void __ubsan_handle_type_mismatch_v1(struct ubsan_access *d, uintptr_t p);
void __ubsan_handle_type_mismatch_v1(struct ubsan_access *d, uintptr_t p)
{
	pr_err("ubsan: address %08lx, type %s", (unsigned long)p,
	       d->type->name);
	die(&d->place, !p ? "a NULL pointer dereference" :
	    p & ((1u << d->log_alignment) - 1) ?
	    "an access that is not aligned" :
	    "an access outside of its object");
}
EXPORT_SYMBOL(__ubsan_handle_type_mismatch_v1);

void __ubsan_handle_pointer_overflow(struct ubsan_data *d, uintptr_t base,
				     uintptr_t result);
void __ubsan_handle_pointer_overflow(struct ubsan_data *d, uintptr_t base,
				     uintptr_t result)
{
	pr_err("ubsan: from %08lx to %08lx", (unsigned long)base,
	       (unsigned long)result);
	die(&d->place, "a pointer runs around the end of memory");
}
EXPORT_SYMBOL(__ubsan_handle_pointer_overflow);

#endif
