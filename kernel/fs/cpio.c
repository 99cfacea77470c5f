/*
 * The reader of cpio archives.  Every length is compared with what is left of
 * the image before it is used; offsets only grow, so a walk ends.  Offsets are
 * padded to 4 from the beginning of the image, and fields read byte by byte, so
 * it may lie anywhere in memory.  The form with checksums ("070702") is
 * refused: they would have to be believed, or checked.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <fs/cpio.h>

/* "newc": 6 bytes of magic, 13 fields of 8 hexadecimal digits (cpio(5)). */
#define HEADER_SIZE	110u
#define MAGIC		"070701"
#define TRAILER		"TRAILER!!!"
#define FIELD_MODE	1u
#define FIELD_SIZE	6u
#define FIELD_NAME_SIZE	11u

void cpio_open(struct cpio_reader *r, const void *image, size_t size)
{
	r->image = image;
	r->size = size;
	r->offset = 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * The @index-th of the fields of eight hexadecimal digits after the magic.
 * -EINVAL, and *@out untouched, where one of the eight is none.
 */
static int read_field(const uint8_t *header, unsigned int index, uint32_t *out)
{
	const uint8_t *p = header + 6 + 8 * index;
	uint32_t v = 0;

	for (int i = 0; i < 8; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -EINVAL;
		v = v << 4 | (uint32_t)digit;
	}
	*out = v;
	return 0;
}

/* Rounded up to 4, or @r->size where that lies beyond the end. */
static size_t aligned(const struct cpio_reader *r, size_t offset)
{
	return min(offset + (-offset & 3), r->size);
}

/*
 * The trailer is an entry like others, and checked before it is known for one.
 * After it, and after damage, @r stays: asked again it says the same.
 */
int cpio_next(struct cpio_reader *r, struct cpio_entry *e)
{
	const uint8_t *header = r->image + r->offset;
	size_t left = r->size - r->offset;
	uint32_t mode, size, name_size;
	size_t data;

	if (left < HEADER_SIZE || memcmp(header, MAGIC, 6) ||
	    read_field(header, FIELD_MODE, &mode) ||
	    read_field(header, FIELD_SIZE, &size) ||
	    read_field(header, FIELD_NAME_SIZE, &name_size))
		return -EINVAL;
	/* One NUL, and that at the end of the name. */
	if (name_size < 1 || name_size > left - HEADER_SIZE ||
	    memchr(header + HEADER_SIZE, '\0', name_size) !=
	    header + HEADER_SIZE + name_size - 1)
		return -EINVAL;
	data = aligned(r, r->offset + HEADER_SIZE + name_size);
	if (size > r->size - data)
		return -EINVAL;
	if (!strcmp((const char *)header + HEADER_SIZE, TRAILER))
		return 0;

	e->name = (const char *)header + HEADER_SIZE;
	e->name_len = name_size - 1;
	e->mode = mode;
	e->data = r->image + data;
	e->size = size;
	r->offset = aligned(r, data + size);
	return 1;
}
