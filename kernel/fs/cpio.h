/*
 * cpio archives in the form "newc" (cpio(5)): the initrd.  Pure; the archive
 * comes from outside, and nothing in it is believed unchecked.
 */
#ifndef FS_CPIO_H
#define FS_CPIO_H

#include <kernel/types.h>

struct cpio_entry {
	const char	*name;		/* in the archive, NUL-terminated */
	size_t		name_len;
	uint32_t	mode;
	const uint8_t	*data;		/* in the archive */
	uint32_t	size;
};

struct cpio_reader {
	const uint8_t	*image;
	size_t		size;
	size_t		offset;		/* of the next header */
};

/* @image stays for as long as entries of it are in use; @size may be 0. */
void cpio_open(struct cpio_reader *r, const void *image, size_t size);

/*
 * 1: *@e is the next entry; 0: the end; -EINVAL: damaged at r->offset, and
 * *@e is untouched.
 */
int cpio_next(struct cpio_reader *r, struct cpio_entry *e);

#endif
