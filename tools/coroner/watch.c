/*
 * The watch over the dead: a QEMU plugin that sees every fetch, load and store
 * of the machine and reports those that reach a page of a module that is gone.
 *
 * By address: a page of the window is watched from the verdict until it is
 * mapped anew.  By frame: a frame is watched, whatever name it is reached by,
 * until the page allocator hands it out again.  Between the two verdicts the
 * module's cleanup runs, in its bearer, and until the memory has gone the
 * undertaker works on it: these two may, outside of interrupt handlers.  The
 * dossier, from which the kernel answers `lsmod`, is watched when it is buried.
 *
 * coroner (watch.py) says who has died, in a file that both have mapped, while
 * the machine stands; what is seen goes back by the same file.  Everything else
 * is read from the machine's memory at the moment of the access.
 *
 * Not seen: what faults (coroner hears of that from the kernel), and what the
 * processor does by itself, such as the pushes of an interrupt.
 *
 * The declarations below are as much of QEMU's plugin interface, version 1, as
 * is used here; it is described in QEMU's documentation, "QEMU TCG Plugins".
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- QEMU ---- */

typedef uint64_t plugin_id;
typedef uint32_t meminfo;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { NO_REGISTERS, MEM_READ = 1, MEM_WRITE = 2, MEM_BOTH = 3 };

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default")))
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
	void (*fn)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*fn)(unsigned int cpu, void *data), int registers, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
	void (*fn)(unsigned int cpu, meminfo info, uint64_t va, void *data),
	int registers, int kinds, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *,
						 size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(meminfo info);
bool qemu_plugin_mem_is_store(meminfo info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(meminfo info, uint64_t va);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *hwaddr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *hwaddr);

/* ---- the shared file ---- */

#define KERNEL_BASE	0xc0000000u
#define WINDOW		0xe8000000u
#define WINDOW_SIZE	0x08000000u
#define PAGE_SHIFT	12
#define PAGES		(WINDOW_SIZE >> PAGE_SHIFT)
#define TABLES		((0u - WINDOW) >> 21)
#define FRAMES		(1u << 18)	/* 1 GiB */
#define TOUCHES		256
#define CPUS		64
#define EXCUSED		16
#define PRESENT		1u

/* What may be done to a page or a frame. */
enum watched {
	NOT_WATCHED,
	DYING,			/* between the verdicts: cleanup, undertaker */
	DEAD,			/* after the second: the undertaker */
	DOSSIER,		/* everybody, until it is buried */
	FREED,			/* frames only: free, nobody */
};

struct touch {
	uint32_t how;		/* 0 fetch, 1 load, 2 store */
	uint32_t address, frame, eip, cpu, by_frame;
};

/* All uint32_t but for the states; watch.py knows the order. */
struct watch {
	uint32_t armed;
	/* Where the kernel keeps what, by address in its direct map. */
	uint32_t frames, frame_size, frame_kind, nr_frames, kind_free;
	uint32_t pages, page_size, page_owner, page_freed;
	uint32_t owners, owner_size, owner_state, state_entombed;
	uint32_t current_task, irq_depth;	/* in struct percpu */
	uint32_t percpu[CPUS];			/* of each CPU of QEMU's */
	uint32_t table[TABLES];	/* page tables from the window up, physical */
	uint32_t undertaker;
	uint32_t bearer[EXCUSED];
	uint32_t nr_touches;			/* in all; TOUCHES are kept */
	uint32_t accesses;			/* looked at closely */
	struct touch touch[TOUCHES];
	uint32_t freed[PAGES];		/* the stamp that a page had */
	uint8_t page_state[PAGES];
	uint8_t frame_state[FRAMES];
};

static struct watch *w;
static const uint8_t *ram;
static size_t ram_size;
static uint8_t *host_ram;		/* QEMU's own view of it */

static uint32_t word_at(uint32_t physical)
{
	uint32_t value = 0;

	if (physical + 4 <= ram_size)
		memcpy(&value, ram + physical, 4);
	return value;
}

static uint32_t kernel_word(uint32_t va)
{
	return word_at(va - KERNEL_BASE);
}

static uint32_t kernel_half(uint32_t va)
{
	return kernel_word(va & ~3u) >> 8 * (va & 2) & 0xffff;
}

static uint8_t kernel_byte(uint32_t va)
{
	return va - KERNEL_BASE < ram_size ? ram[va - KERNEL_BASE] : 0;
}

/* ---- who does it ---- */

static uint32_t task_on(unsigned int cpu)
{
	if (cpu >= CPUS || !w->percpu[cpu])
		return 0;
	return kernel_word(w->percpu[cpu] + w->current_task);
}

static bool is_excused(unsigned int cpu, enum watched state)
{
	uint32_t task = task_on(cpu);

	if (state == FREED || !task ||
	    kernel_word(w->percpu[cpu] + w->irq_depth))
		return false;
	if (task == w->undertaker)
		return true;
	for (int i = 0; state == DYING && i < EXCUSED; i++)
		if (task == w->bearer[i])
			return true;
	return false;
}

static void report(unsigned int cpu, uint32_t how, uint32_t va, uint32_t frame,
		   uint32_t eip, bool by_frame)
{
	uint32_t n = __atomic_fetch_add(&w->nr_touches, 1, __ATOMIC_SEQ_CST);

	if (n < TOUCHES)
		w->touch[n] = (struct touch){ how, va, frame, eip, cpu,
					      by_frame };
}

/* ---- pages, by address ---- */

/* The frame that an address from the window up is mapped to, or 0. */
static uint32_t frame_of(uint32_t va)
{
	uint32_t page = (va - WINDOW) >> PAGE_SHIFT;
	uint32_t entry = word_at(w->table[page / 512] + page % 512 * 8);

	return entry & PRESENT ? entry >> PAGE_SHIFT : 0;
}

static bool is_entombed(uint32_t id)
{
	return kernel_word(w->owners + id * w->owner_size + w->owner_state) ==
	       w->state_entombed;
}

/*
 * True: the page is a dead one's still.  Each burial gives a page another
 * stamp; from then on only a new owner can have it mapped.
 */
static bool page_is_dead(uint32_t page)
{
	uint32_t record = w->pages + page * w->page_size;
	uint32_t owner = kernel_half(record + w->page_owner);

	if (kernel_word(record + w->page_freed) == w->freed[page]) {
		if (w->page_state[page] == DOSSIER)
			return false;
		if (!is_entombed(owner))
			return true;
	} else if (!owner || !frame_of(WINDOW + (page << PAGE_SHIFT))) {
		w->page_state[page] = DEAD;	/* buried, a dossier as well */
		return true;
	}
	w->page_state[page] = NOT_WATCHED;
	return false;
}

/* False: the page is not watched, though its frame may be. */
static bool look_at_page(unsigned int cpu, uint32_t how, uint32_t va,
			 uint32_t eip)
{
	uint32_t page = (va - WINDOW) >> PAGE_SHIFT;

	if (!w->page_state[page])
		return false;
	w->accesses++;
	if (page_is_dead(page) && !is_excused(cpu, w->page_state[page]))
		report(cpu, how, va, frame_of(va), eip, false);
	return true;
}

/* ---- frames, by whatever name ---- */

static void look_at_frame(unsigned int cpu, uint32_t how, uint32_t va,
			  uint32_t frame, uint32_t eip)
{
	if (frame >= FRAMES || !w->frame_state[frame])
		return;
	w->accesses++;
	if (w->frame_state[frame] != DOSSIER &&
	    !is_excused(cpu, w->frame_state[frame]))
		report(cpu, how, va, frame, eip, true);
}

/* The allocator's record of a frame was written: it is free, or given out. */
static void look_at_record(uint32_t va)
{
	uint32_t frame = (va - w->frames) / w->frame_size;
	uint8_t kind;

	if (frame >= FRAMES || !w->frame_state[frame])
		return;
	kind = kernel_byte(w->frames + frame * w->frame_size + w->frame_kind);
	if (kind == w->kind_free)
		w->frame_state[frame] = FREED;
	else if (w->frame_state[frame] == FREED)
		w->frame_state[frame] = NOT_WATCHED;
}

static uint32_t frame_of_user(meminfo info, uint32_t va)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, va);

	if (!hw || qemu_plugin_hwaddr_is_io(hw))
		return 0;
	return (uint32_t)(qemu_plugin_hwaddr_phys_addr(hw) >> PAGE_SHIFT);
}

/*
 * A translation that a TLB should have forgotten (H32) shows as an access to a
 * page that is not mapped: it is reported as one to the page.
 */
static void on_byte(unsigned int cpu, meminfo info, uint32_t va, uint32_t eip)
{
	uint32_t how = qemu_plugin_mem_is_store(info) ? 2 : 1;

	if (va >= WINDOW) {
		if (va - WINDOW < WINDOW_SIZE &&
		    look_at_page(cpu, how, va, eip))
			return;
		look_at_frame(cpu, how, va, frame_of(va), eip);
	} else if (va >= KERNEL_BASE) {
		look_at_frame(cpu, how, va, (va - KERNEL_BASE) >> PAGE_SHIFT,
			      eip);
		if (how == 2 &&
		    va - w->frames < w->nr_frames * w->frame_size)
			look_at_record(va);
	} else {
		look_at_frame(cpu, how, va, frame_of_user(info, va), eip);
	}
}

/* An access that lies in two pages touches both. */
static void on_access(unsigned int cpu, meminfo info, uint64_t va, void *data)
{
	uint32_t first = (uint32_t)va, eip = (uint32_t)(uintptr_t)data;
	uint32_t last = first + (1u << qemu_plugin_mem_size_shift(info)) - 1;

	if (!w->armed)
		return;
	on_byte(cpu, info, first, eip);
	if ((first ^ last) >> PAGE_SHIFT)
		on_byte(cpu, info, last, eip);
}

/* ---- fetches ---- */

static void on_fetch_in_window(unsigned int cpu, void *data)
{
	uint32_t eip = (uint32_t)(uintptr_t)data;

	if (w->armed)
		look_at_page(cpu, 0, eip, eip);
}

/*
 * Programs: the frame is that of the translation, good as long as that is.  The
 * kernel's own text is constant and nobody's.
 */
static void on_fetch_of_user(unsigned int cpu, void *data)
{
	uint64_t both = (uint64_t)(uintptr_t)data;

	if (w->armed)
		look_at_frame(cpu, 0, (uint32_t)both, (uint32_t)(both >> 32),
			      (uint32_t)both);
}

/* QEMU's own address of physical 0, from the first kernel text we see. */
static void find_host_ram(uint32_t va, uint8_t *host)
{
	if (!host_ram && host && va - KERNEL_BASE - 0x100000 < 0x4000000)
		host_ram = host - (va - KERNEL_BASE);
}

/* In the window each instruction is watched, elsewhere each page of a block. */
static void watch_fetch(struct qemu_plugin_insn *insn, uint32_t va,
			bool page_begins)
{
	uint8_t *host = qemu_plugin_insn_haddr(insn);
	uint64_t frame;

	find_host_ram(va, host);
	if (va - WINDOW < WINDOW_SIZE) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn,
			on_fetch_in_window, NO_REGISTERS,
			(void *)(uintptr_t)va);
	} else if (va < KERNEL_BASE && page_begins && host_ram &&
		   host >= host_ram && host < host_ram + ram_size) {
		frame = (uint64_t)(host - host_ram) >> PAGE_SHIFT;
		qemu_plugin_register_vcpu_insn_exec_cb(insn,
			on_fetch_of_user, NO_REGISTERS,
			(void *)(uintptr_t)(frame << 32 | va));
	}
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint32_t page = 0;

	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t va = (uint32_t)qemu_plugin_insn_vaddr(insn);

		watch_fetch(insn, va, !i || va >> PAGE_SHIFT != page);
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS,
						 MEM_BOTH,
						 (void *)(uintptr_t)va);
		page = va >> PAGE_SHIFT;
	}
}

/* ---- beginning ---- */

static void *map(const char *path, int rights, size_t *size)
{
	int fd = open(path, rights & PROT_WRITE ? O_RDWR : O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, rights, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* ram=FILE,watch=FILE */
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	size_t size = 0;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "ram=", 4))
			ram = map(argv[i] + 4, PROT_READ, &ram_size);
		if (!strncmp(argv[i], "watch=", 6))
			w = map(argv[i] + 6, PROT_READ | PROT_WRITE,
				&size);
	}
	if (!ram || !w || size != sizeof(*w)) {
		fprintf(stderr, "watch: no memory to watch, or %zu bytes and "
			"not %zu to tell of it\n", size, sizeof(*w));
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
