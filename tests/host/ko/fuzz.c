/*
 * The loader's steps as libFuzzer drives them, over whatever it makes of the
 * module files in its corpus:
 *
 *	clang -fsanitize=fuzzer,address,undefined -DHOST_TEST -Ikernel/include \
 *		-Ikernel -Itests/host tests/host/ko/fuzz.c \
 *		kernel/module/{elf,layout,reloc,symbols}.c \
 *		kernel/module/{modinfo,exports,params}.c \
 *		kernel/lib/kstrto.c
 */
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);
	struct loaded l;
	int rc;

	memcpy(copy, data, size);
	rc = load(&l, copy, size, "limit=4 loud title=abc tag=\"d e\"");
	if (rc && !l.err.text[0])
		abort();
	unload(&l);
	return 0;
}
