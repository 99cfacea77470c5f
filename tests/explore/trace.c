/*
 * The explorer's recorder: a QEMU plugin that writes down every instruction and
 * every access to memory of one play, from the place where the scene is set.
 *
 * Two files of words in the order of the host: OUT.code has an address for each
 * instruction, OUT.data three words for each access: the number of its
 * instruction, the address, and 1 for a store + the size's logarithm * 2.  A
 * new play begins the files anew.  They are complete up to the last mark.
 *
 * The declarations below are as much of QEMU's plugin interface, version 1, as
 * is used here; it is described in QEMU's documentation, "QEMU TCG Plugins".
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- QEMU ---- */

typedef uint64_t plugin_id;
typedef uint32_t meminfo;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS, MEM_BOTH = 3 };

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
unsigned int qemu_plugin_mem_size_shift(meminfo info);
bool qemu_plugin_mem_is_store(meminfo info);

/* ---- the files ---- */

#define WORDS	(3u << 16)

struct out {
	int		fd;
	uint32_t	n;
	uint32_t	word[WORDS];
};

static struct out code, data;
static uint32_t start, mark;		/* addresses */
static uint32_t executed;		/* since the play began */
static bool recording;

static void flush(struct out *o)
{
	const char *p = (const char *)o->word;
	size_t left = o->n * sizeof(o->word[0]);

	while (left) {
		ssize_t n = write(o->fd, p, left);

		if (n <= 0) {
			perror("explore: the trace");
			exit(1);
		}
		p += n;
		left -= (size_t)n;
	}
	o->n = 0;
}

static void put(struct out *o, uint32_t word)
{
	o->word[o->n++] = word;
	if (o->n == WORDS)
		flush(o);
}

static void begin(struct out *o)
{
	o->n = 0;
	if (ftruncate(o->fd, 0) || lseek(o->fd, 0, SEEK_SET)) {
		perror("explore: the trace");
		exit(1);
	}
}

/* ---- what is seen ---- */

static void on_instruction(unsigned int cpu, void *address)
{
	uint32_t eip = (uint32_t)(uintptr_t)address;

	(void)cpu;
	if (eip == start) {
		begin(&code);
		begin(&data);
		executed = 0;
		recording = true;
	}
	if (!recording)
		return;
	executed++;
	put(&code, eip);
	if (eip == mark) {
		flush(&code);
		flush(&data);
	}
}

/* Follows the call for the instruction that it belongs to. */
static void on_access(unsigned int cpu, meminfo info, uint64_t va, void *unused)
{
	(void)cpu;
	(void)unused;
	if (!recording)
		return;
	put(&data, executed - 1);
	put(&data, (uint32_t)va);
	put(&data, (qemu_plugin_mem_size_shift(info) << 1) |
		   qemu_plugin_mem_is_store(info));
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t va = (uint32_t)qemu_plugin_insn_vaddr(insn);

		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_instruction,
			NO_REGISTERS, (void *)(uintptr_t)va);
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS,
						 MEM_BOTH, NULL);
	}
}

static int open_out(const char *prefix, const char *suffix)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	return open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
}

/* start=ADDRESS,mark=ADDRESS,out=PREFIX */
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	code.fd = data.fd = -1;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "start=", 6))
			start = (uint32_t)strtoul(argv[i] + 6, NULL, 0);
		if (!strncmp(argv[i], "mark=", 5))
			mark = (uint32_t)strtoul(argv[i] + 5, NULL, 0);
		if (!strncmp(argv[i], "out=", 4)) {
			code.fd = open_out(argv[i] + 4, ".code");
			data.fd = open_out(argv[i] + 4, ".data");
		}
	}
	if (!start || !mark || code.fd < 0 || data.fd < 0) {
		fprintf(stderr, "explore: nothing to record, or no file\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
