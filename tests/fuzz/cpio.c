// sources: kernel/fs/cpio.c
/* An archive: each entry lies within it, and the walk gets on. */
#include "fuzz.h"
#include <fs/cpio.h>

static void check_entry(const struct cpio_entry *e, const uint8_t *image,
			size_t size)
{
	const uint8_t *name = (const uint8_t *)e->name;

	assert(name >= image && name < image + size);
	assert(e->name_len < size - (size_t)(name - image));
	assert(strlen(e->name) == e->name_len);
	assert(e->data >= image && e->data <= image + size);
	assert(e->size <= size - (size_t)(e->data - image));
	assert(strcmp(e->name, "TRAILER!!!"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = exact_copy(data, size);
	struct cpio_entry e, untouched;
	struct cpio_reader r;
	size_t last;
	int rc;

	memset(&e, 0x55, sizeof(e));
	cpio_open(&r, image, size);
	do {
		last = r.offset;
		untouched = e;
		rc = cpio_next(&r, &e);
		assert(r.offset <= size);
		if (rc == 1) {
			assert(r.offset > last);
			check_entry(&e, image, size);
		} else {
			assert(r.offset == last);
			assert(!memcmp(&e, &untouched, sizeof(e)));
		}
	} while (rc == 1);
	assert(rc == 0 || rc == -EINVAL);
	free(image);
	return 0;
}
