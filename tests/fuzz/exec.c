// sources: kernel/proc/elfexec.c
/*
 * A program file: what is accepted is mapped in user memory only, in ascending
 * order, from within the file.  The first two bytes say how large the file is
 * beyond the head that is there to be read.
 */
#include "fuzz.h"
#include <kernel/types.h>
#include <proc/elfexec.h>

static void check_plan(const struct exec_plan *plan, uint32_t file_size)
{
	uint32_t lowest = EXEC_LOWEST;
	bool entry = false;

	assert(plan->nr_segments >= 1);
	assert(plan->nr_segments <= EXEC_MAX_SEGMENTS);
	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct exec_segment *s = &plan->segments[i];
		uint64_t end = (uint64_t)s->vaddr + s->mem_size;

		assert(s->mem_size && s->file_size <= s->mem_size);
		assert(s->vaddr >= lowest && end <= EXEC_HIGHEST);
		assert((uint64_t)s->offset + s->file_size <= file_size);
		lowest = (uint32_t)((end + PAGE_SIZE - 1) / PAGE_SIZE *
				    PAGE_SIZE);
		entry |= s->executable && plan->entry >= s->vaddr &&
			 plan->entry < end;
	}
	assert(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t more = take16(&in);
	struct exec_plan plan;
	const char *why = NULL;
	void *head = exact_copy(in.p, in.left);
	uint32_t file_size = (uint32_t)in.left + more;

	if (!exec_plan(head, in.left, file_size, &plan, &why)) {
		assert(!why);
		check_plan(&plan, file_size);
	} else {
		assert(why && why[0]);
	}
	free(head);
	return 0;
}
