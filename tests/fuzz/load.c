// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c kernel/test/elfmutate.c
/*
 * A module file on its whole way through the loader, as far as the point where
 * code of it would run.
 */
#include "elfmutator.h"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const args[] = {
		"", "limit=4 loud title=abc tag=\"d e\"", "depth=9",
		"whom=\"a b\" ", "period_ms=0x10 period_ms=-1", "leave where=x",
	};

	load_and_check(data, size, args[size % ARRAY_SIZE(args)]);
	return 0;
}
