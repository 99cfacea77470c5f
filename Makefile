# Builds Icebox: the kernel, its modules, the ring-3 programs, the initrd and
# the ISO; runs and tests them. `make help` lists what can be asked for.
#
# All sources are found by their place:
#   boot/*.asm kernel/*.c kernel/*/*.c kernel/*/*.asm    the kernel
#   modules/NAME.c, modules/NAME/*.c, modules/wrong/NAME.c    NAME.ko
#   user/NAME.c (with user/lib/)    a static program /bin/NAME
#   user/root/**    files of the initrd as they are
#   tests/host/NAME.c    a test that runs on the host
#   tests/fuzz/NAME.c    a target of libFuzzer

MAKEFLAGS += -r
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# ---- What is asked for ------------------------------------------------------

# Words as common as these count on make's command line, not in the environment.
$(foreach v,BOUND BUILD CORONER DEBUG FUZZ GUARD_OFF LAB LLVM M MINUTES N \
	SCENARIO SEED SHARD SHARDS UPDATE V X,\
	$(if $(filter environment,$(origin $v)),$(eval undefine $v)))

CROSS_COMPILE ?= i686-linux-gnu-
PYTHON	:= /usr/bin/python3
HOSTCC	?= gcc
QEMU	?= qemu-system-i386
DEPS	?= install
N	?= 20

BUILD	?= build$(if $(DEBUG),-debug)$(if $(LAB),-lab)$(if $(LLVM),-llvm)
ifneq ($(words $(BUILD)),1)
$(error BUILD=$(BUILD): make does not take a path with blanks in it)
endif
,	:= ,
B	:= $(patsubst $(CURDIR)/%,%,$(BUILD))
Q	:= $(if $(V),,@)
say	 = $(if $(V),,@printf '  %-8s%s\n' $(1) $(patsubst $(B)/%,%,$(2)))

# As many jobs as CPUs, unless -j is given (make does not show it to us here).
ifeq ($(MAKELEVEL),0)
ifeq ($(filter -j% --jobs%,$(shell tr '\0' ' ' < /proc/$$PPID/cmdline)),)
MAKEFLAGS += -j$(shell nproc)
endif
endif

# LLVM=1 takes clang and lld for everything, CC=clang the compiler alone.
ifneq ($(origin CC),command line)
CC	:= $(if $(LLVM),clang,$(CROSS_COMPILE)gcc)
endif
CLANG	:= $(findstring clang,$(CC))
KCC	:= $(CC)$(if $(CLANG), --target=i686-elf)
KLD	:= $(if $(LLVM),ld.lld,$(CROSS_COMPILE)ld) -m elf_i386
STRIP	:= $(if $(LLVM),llvm-objcopy,$(CROSS_COMPILE)objcopy)
NASM	:= nasm

# libgcc divides 64-bit numbers. clang brings none for a bare i386.
LIBGCC	= $(shell $(if $(CLANG),$(CROSS_COMPILE)gcc,$(CC)) \
		-m32 -print-libgcc-file-name)

# ---- Flags ------------------------------------------------------------------

WARN	:= -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	   -Wmissing-prototypes -Wimplicit-fallthrough -Wwrite-strings -Werror
ifneq ($(CLANG),)
WARN	+= -Wthread-safety
endif

MACHINE	:= -std=gnu11 -m32 -march=i686 -O2 -g -ffreestanding -fno-pic \
	   -mgeneral-regs-only -fno-omit-frame-pointer -fno-strict-aliasing \
	   -fno-delete-null-pointer-checks -fno-stack-protector \
	   -fno-asynchronous-unwind-tables -fcf-protection=none
# object-size knows nothing of what linker.ld lays out.
UBSAN	:= $(if $(DEBUG),-fsanitize=undefined -fno-sanitize=object-size)
CONFIG	:= $(if $(DEBUG),-DCONFIG_DEBUG) $(if $(LAB),-DCONFIG_LAB)

# No word of a frame is left unwritten for alignment or for arguments to come:
# what an earlier call has left there would be evidence (H09).
FRAMES_clang := -mstack-alignment=4
FRAMES_gcc := -mpreferred-stack-boundary=2 -mno-accumulate-outgoing-args
FRAMES	:= $(if $(CLANG),$(FRAMES_clang),$(FRAMES_gcc))
export FRAMES_clang FRAMES_gcc

KFLAGS	:= $(MACHINE) $(FRAMES) $(WARN) $(CONFIG) $(UBSAN) -D__KERNEL__ -Ikernel/include \
	   -Ikernel -I$(B)/include
MFLAGS	:= $(MACHINE) $(FRAMES) $(WARN) $(CONFIG) $(UBSAN) -DMODULE -Ikernel/include \
	   -I$(B)/include
UFLAGS	:= $(MACHINE) $(WARN) -Iuser/lib -Iuser -Ikernel/include
AFLAGS	:= -f elf32 -g -F dwarf -Werror $(subst -D,-d,$(CONFIG)) \
	   -Ikernel/include/ -Ikernel/ -Ikernel/x86/
LDFLAGS	:= -z noexecstack -z max-page-size=4096 --build-id=none \
	   $(if $(LLVM),,--no-warn-rwx-segments)
KLDFLAGS := $(LDFLAGS) -static -nostdlib --orphan-handling=error -T linker.ld
ULDFLAGS := $(LDFLAGS) -static -nostdlib -e _start \
	   $(if $(wildcard user/user.ld),-T user/user.ld,\
	   $(if $(LLVM),--image-base=,-Ttext-segment=)0x08048000)

# The compiler may not make of the memory functions calls to themselves.
$(B)/k/kernel/lib/%.o: KFLAGS += -fno-builtin \
	   $(if $(CLANG),,-fno-tree-loop-distribute-patterns)

# ---- Sources ----------------------------------------------------------------

KSRC	:= $(sort $(wildcard boot/*.asm kernel/*.c kernel/*/*.c kernel/*/*.asm))
KOBJ	:= $(KSRC:%=$(B)/k/%.o)
HEADERS	:= $(sort $(shell find kernel/include -name '*.h' 2>/dev/null))

MODSRC	:= $(sort $(wildcard modules/*.c modules/wrong/*.c))
MODDIRS	:= $(sort $(filter-out wrong,$(patsubst modules/%/,%,\
	   $(dir $(wildcard modules/*/*.c)))))
MODS	:= $(basename $(notdir $(MODSRC))) $(MODDIRS)
KO	:= $(MODS:%=$(B)/modules/%.ko)

USRC	:= $(sort $(wildcard user/*.c))
ULIB	:= $(sort $(wildcard user/lib/*.c user/lib/*.asm))
PROGS	:= $(patsubst user/%.c,$(B)/user/%,$(USRC))
ROOT	:= $(sort $(shell find user/root -type f 2>/dev/null))

HOSTSRC	:= $(sort $(wildcard tests/host/*.c))
HOSTBIN	:= $(HOSTSRC:tests/host/%.c=$(B)/host/%)
TARGETS	:= $(filter-out replay,$(basename $(notdir \
	   $(sort $(wildcard tests/fuzz/*.c)))))

# A file that changes when, and only when, the given words do: what depends on
# it is made again when a flag changes or a source comes or goes.
define remember
ifneq ($$(strip $$(file <$(B)/.$(1))),$$(strip $(2)))
$$(shell mkdir -p $(B))
$$(file >$(B)/.$(1),$(2))
endif
endef

BUILDING := $(filter-out help clean deps deps-%,$(or $(MAKECMDGOALS),all))
ifneq ($(BUILDING),)
$(eval $(call remember,kflags,$(KCC) $(KFLAGS)))
$(eval $(call remember,mflags,$(KCC) $(MFLAGS) $(KLD)))
$(eval $(call remember,uflags,$(KCC) $(UFLAGS) $(ULDFLAGS) $(ULIB)))
$(eval $(call remember,aflags,$(NASM) $(AFLAGS)))
$(eval $(call remember,kernel,$(KLD) $(KLDFLAGS) $(KSRC)))
$(eval $(call remember,headers,$(HEADERS)))
$(eval $(call remember,image,$(KO) $(PROGS) $(ROOT)))
endif

# ---- Goals ------------------------------------------------------------------

# `make deps run`: tools that are being installed cannot be used meanwhile, so
# beside a deps goal every other goal waits its turn, in a make of its own.
FIRST	:= $(filter deps deps-%,$(MAKECMDGOALS))
THEN	:= $(filter-out deps deps-%,$(MAKECMDGOALS))
ifneq ($(and $(FIRST),$(THEN)),)
.NOTPARALLEL:
.PHONY: $(THEN)
$(THEN): $(FIRST)
	+@$(MAKE) --no-print-directory $@
else

.PHONY: all kernel modules user initrd iso run test test-long check model repeat \
	coroner explore gdb clean
ifeq ($(M),)
all: kernel modules user initrd ## kernel, modules, programs and initrd
all: $(if $(LAB),$(B)/coroner-watch.so $(B)/explore-trace.so)
endif
kernel: $(B)/icebox.elf
ifeq ($(M),)
modules: $(KO)
endif
user: $(PROGS)
initrd: $(B)/initrd.cpio

# ---- The kernel -------------------------------------------------------------

$(B)/k/%.c.o: %.c $(B)/.kflags | $(B)/include/generated/abi.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(KFLAGS) -MMD -MP -c -o $@ $<

$(B)/k/%.asm.o: %.asm $(B)/.aflags
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(AFLAGS) -MD $(@:.o=.d) -MP -MQ $@ -o $@ $<

$(B)/k/kallsyms%.o: $(B)/k/kallsyms%.S
	$(Q)$(KCC) -m32 -c -o $@ $<

$(B)/k/kallsyms0.S: tools/kallsyms.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< --empty > $@

$(B)/k/kallsyms1.S: $(B)/k/icebox0.elf
	$(Q)$(PYTHON) tools/kallsyms.py $< > $@

$(B)/k/kallsyms2.S: $(B)/k/icebox1.elf
	$(Q)$(PYTHON) tools/kallsyms.py $< > $@

link-kernel = $(KLD) $(KLDFLAGS) -o $@ $(KOBJ) $(1) $(LIBGCC)

$(B)/k/icebox%.elf: $(B)/k/kallsyms%.o $(KOBJ) linker.ld $(B)/.kernel
	$(Q)$(call link-kernel,$<)

$(B)/icebox.elf: $(B)/k/kallsyms2.o $(KOBJ) linker.ld $(B)/.kernel
	$(call say,LD,$@)
	$(Q)$(call link-kernel,$<)
	$(Q)$(PYTHON) tools/kallsyms.py --verify $@ $(B)/k/kallsyms2.S

# ---- Modules ----------------------------------------------------------------

# The kernel takes no module whose stamp differs from its own.
$(B)/include/generated/abi.h: $(HEADERS) $(B)/.headers $(B)/.mflags
	@mkdir -p $(@D)
	$(Q)sum=$$( (cat /dev/null $(HEADERS); \
		echo '$(MACHINE) $(CONFIG)') | sha256sum | cut -c1-16); \
	printf '#ifndef ICEBOX_ABI\n#define ICEBOX_ABI "%s"\n#endif\n' \
		$$sum > $@

# modules/foo.c and modules/wrong/foo.c are foo, modules/foo/bar.c is foo too.
modname = $(if $(filter modules/ modules/wrong/,$(dir $(1))),$(basename \
	  $(notdir $(1))),$(notdir $(patsubst %/,%,$(dir $(1)))))

$(B)/m/%.o: % $(B)/.mflags $(B)/include/generated/abi.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(MFLAGS) -DKBUILD_MODNAME='"$(call modname,$<)"' \
		-MMD -MP -c -o $@ $<

define module
$(B)/modules/$(1).ko: $(2:%=$(B)/m/%.o)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$(Q)$(KLD) -r -o $$@ $$(filter %.o,$$^)
endef
$(foreach m,$(MODSRC),$(eval $(call module,$(basename $(notdir $(m))),$(m))))
$(foreach m,$(MODDIRS),$(eval $(call module,$(m),\
	$(sort $(wildcard modules/$(m)/*.c)))))

# ---- Programs ---------------------------------------------------------------

$(B)/u/%.c.o: %.c $(B)/.uflags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(UFLAGS) -MMD -MP -c -o $@ $<

$(B)/u/%.asm.o: %.asm $(B)/.aflags
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(AFLAGS) -MD $(@:.o=.d) -MP -MQ $@ -o $@ $<

$(B)/user/%: $(B)/u/user/%.c.o $(ULIB:%=$(B)/u/%.o) $(wildcard user/user.ld) \
		$(B)/.uflags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(KLD) $(ULDFLAGS) -o $@ $(filter %.o,$^) $(LIBGCC)

# ---- A module outside the tree ----------------------------------------------

# M=DIR: its Kbuild or Makefile may say obj-m, NAME-objs and ccflags-y as for
# Linux; with neither, all its C files make one module named like the folder.
ifneq ($(M),)
ifneq ($(words $(M)),1)
$(error M=$(M): make does not take a path with blanks in it)
endif
MDIR	:= $(abspath $(M))
ifeq ($(wildcard $(MDIR)/.),)
$(error M=$(M): no such folder)
endif
MKB	:= $(firstword $(wildcard $(MDIR)/Kbuild $(MDIR)/Makefile))
ifneq ($(MKB),)
$(shell mkdir -p $(B)/x; \
	sed -e ':join' -e '/\\$$/{N;s/\\\n/ /;b join' -e '}' '$(MKB)' | \
	sed -n -E 's/^[ \t]*((obj-m|ccflags-y|[A-Za-z0-9_-]+-(objs|y))[ \t]*[:+]?=)/\1/p' \
	> $(B)/x/kbuild.mk)
include $(B)/x/kbuild.mk
endif
XMODS	:= $(basename $(obj-m))
ifeq ($(XMODS),)
XMODS	:= $(notdir $(MDIR))
$(XMODS)-objs := $(patsubst %.c,%.o,$(notdir $(sort $(wildcard $(MDIR)/*.c))))
ifeq ($($(XMODS)-objs),)
$(error M=$(M): neither C files nor a Makefile or Kbuild with obj-m)
endif
endif
XKO	:= $(XMODS:%=$(MDIR)/%.ko)

all modules: $(XKO)

# The host's headers would be found, <linux/module.h> among them, and declare
# what is not there.
XFLAGS	:= $(MFLAGS) -nostdinc -isystem $(shell $(KCC) -print-file-name=include)

$(eval $(call remember,xflags,$(KCC) $(XFLAGS) $(ccflags-y) $(XKO)))

xobjs	 = $(or $(strip $($(1)-objs) $($(1)-y)),$(1).o)

define xmodule
$(foreach c,$(patsubst %.o,%.c,$(call xobjs,$(1))),\
	$(if $(wildcard $(MDIR)/$(c)),,$(error M=$(M): $(1).ko is made of \
	$(c), and there is no such file (make takes no name with blanks in it))))
$(MDIR)/$(1).ko: $(addprefix $(B)/x/$(1)/,$(call xobjs,$(1)))
	$$(call say,LD,$$@)
	$(Q)$(KLD) -r -o $$@ $$(filter %.o,$$^)

$(B)/x/$(1)/%.o: $(MDIR)/%.c $(B)/.xflags $(B)/include/generated/abi.h
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$(Q)$(KCC) $(XFLAGS) $(ccflags-y) -I$(MDIR) \
		-DKBUILD_MODNAME='"$(1)"' -MMD -MP -c -o $$@ $$<
endef
$(foreach m,$(XMODS),$(eval $(call xmodule,$(m))))
X	:= $(B)/x
else
X	:= $(B)
endif

# ---- Initrd and ISO ---------------------------------------------------------

IMAGE	:= $(KO:$(B)/modules/%=$(B)/image/%) $(PROGS:$(B)/user/%=$(B)/image/bin/%)
XIMAGE	:= $(foreach m,$(XMODS),$(B)/x/image/$(m).ko)

$(B)/image/%.ko: $(B)/modules/%.ko
	@mkdir -p $(@D)
	$(Q)$(STRIP) --strip-debug --keep-file-symbols $< $@

$(B)/image/bin/%: $(B)/user/%
	@mkdir -p $(@D)
	$(Q)$(STRIP) --strip-debug --keep-file-symbols $< $@

$(B)/x/image/%.ko: $(MDIR)/%.ko
	@mkdir -p $(@D)
	$(Q)$(STRIP) --strip-debug --keep-file-symbols $< $@

$(X)/initrd.cpio: $(IMAGE) $(XIMAGE) $(ROOT) $(B)/.image tools/mkinitrd.py
	$(call say,CPIO,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/mkinitrd.py $@ bin dev etc lib/modules proc tmp \
		$(foreach f,$(filter %.ko,$(IMAGE) $(XIMAGE)),\
			lib/modules/$(subst -,_,$(notdir $(f)))=$(f)) \
		$(foreach f,$(filter-out %.ko,$(IMAGE)),bin/$(notdir $(f))=$(f)) \
		$(foreach f,$(ROOT),$(f:user/root/%=%)=$(f))

iso: $(X)/icebox.iso ## build/icebox.iso, to boot in QEMU or elsewhere

$(X)/icebox.iso: $(B)/icebox.elf $(X)/initrd.cpio iso/grub.cfg tools/mkiso
	$(call say,ISO,$@)
	$(Q)OBJCOPY=$(STRIP) tools/mkiso $@ $(B)/icebox.elf iso/grub.cfg \
		$(X)/initrd.cpio

run: $(X)/icebox.iso ## the ISO in QEMU, its console on this terminal
	@QEMU=$(QEMU) tools/run-iso $<

# ---- Tests and checks -------------------------------------------------------

# A host test names the kernel sources under test in its first line:
# "// sources: kernel/module/elf.c kernel/lib/string.c".  Of several sources gcc
# leaves the dependencies of the last one, so that is the test.
define hosttest
$(B)/host/$(1): $(2) tests/host/$(1).c $(HOSTHDR) $(B)/.hostflags
	$$(call say,HOSTCC,$$@)
	@mkdir -p $$(@D)
	$(Q)$(HOSTCC) $(HOSTFLAGS) -MMD -MP -MF $$@.d -MT $$@ -o $$@ \
		$(2) tests/host/$(1).c
endef
HOSTHDR	:= $(HEADERS) $(sort $(wildcard kernel/*/*.h tests/host/*.h))
HOSTFLAGS := -std=gnu11 -g -O1 -Wall -Wextra -fsanitize=address,undefined \
	   -fno-sanitize-recover=all -fno-omit-frame-pointer -DHOST_TEST \
	   -Ikernel/include -Ikernel -Itests/host
# A plugin of QEMU: the host's compiler, and no sanitizers in there.
WATCHFLAGS := -std=gnu11 -O2 -fPIC -shared -fvisibility=hidden -Wall -Wextra \
	   -Wshadow -Werror
ifneq ($(BUILDING),)
$(eval $(call remember,watch,$(HOSTCC) $(WATCHFLAGS)))
$(eval $(call remember,hostflags,$(HOSTCC) $(HOSTFLAGS)))
endif
sources-of = $(shell sed -n '1s,^// sources:,,p' $(1))
$(foreach t,$(HOSTBIN:$(B)/host/%=%),$(eval $(call hosttest,$(t),\
	$(call sources-of,tests/host/$(t).c))))

# A fuzz target is like a host test, and is made twice: by clang with libFuzzer,
# and for the host tests with a main function that replays seeds and files that
# it once died of.
define fuzztarget
$(B)/host/fuzz_$(1): $(2) tests/fuzz/replay.c tests/fuzz/$(1).c $(FUZZHDR) \
		$(B)/.hostflags
	$$(call say,HOSTCC,$$@)
	@mkdir -p $$(@D)
	$(Q)$(HOSTCC) $(HOSTFLAGS) -Itests/fuzz -o $$@ $(2) \
		tests/fuzz/replay.c tests/fuzz/$(1).c

$(B)/fuzz/$(1)/fuzz: $(2) tests/fuzz/$(1).c $(FUZZHDR) $(B)/.fuzzflags
	$$(call say,FUZZCC,$$@)
	@mkdir -p $$(@D)
	$(Q)clang $(FUZZFLAGS) -o $$@ $(2) tests/fuzz/$(1).c
endef
FUZZFLAGS := $(subst address$(,)undefined,fuzzer$(,)address$(,)undefined,\
	   $(HOSTFLAGS)) -Itests/fuzz
FUZZHDR	:= $(HOSTHDR) $(sort $(wildcard tests/fuzz/*.h))
FUZZ	?= $(TARGETS)
MINUTES	?= 1
ifneq ($(BUILDING),)
$(eval $(call remember,fuzzflags,$(FUZZFLAGS)))
endif
$(foreach t,$(TARGETS),$(eval $(call fuzztarget,$(t),\
	$(call sources-of,tests/fuzz/$(t).c))))

$(B)/fuzz/seeds/.made: tests/fuzz/seeds.py $(IMAGE) $(wildcard tests/badfiles/* \
		tests/host/ko/*) tools/mkinitrd.py
	$(call say,SEEDS,$(@D))
	$(Q)$(PYTHON) $< $(B)
	$(Q)touch $@

.PHONY: host-tests check-build lab fuzz
host-tests: $(HOSTBIN) $(TARGETS:%=$(B)/host/fuzz_%) $(B)/fuzz/seeds/.made

fuzz: $(FUZZ:%=$(B)/fuzz/%/fuzz) $(B)/fuzz/seeds/.made ## libFuzzer, MINUTES=1 a target; FUZZ='elf load'
	@tests/fuzz/run $(MINUTES) $(abspath $(B)) $(FUZZ)

# What only a laboratory kernel can show has one beside the kernel under test.
lab: all
ifeq ($(LAB),)
	+$(Q)$(MAKE) --no-print-directory LAB=1 BUILD=$(B)/lab all
endif

test: all lab $(B)/icebox.iso host-tests ## every test; the last line counts them
	@ICEBOX_BUILD=$(abspath $(B)) tests/suite $(TESTS)

test-long: all lab $(B)/icebox.iso ## the tests that take their time
	@ICEBOX_BUILD=$(abspath $(B)) tests/suite -m long tests

model: ## the protocol's models, and without each guard; docs/model.md
	@ICEBOX_BUILD=$(abspath $(B)) tools/model

repeat: all lab $(B)/icebox.iso host-tests ## the tests N=20 times, resumable
	@ICEBOX_BUILD=$(abspath $(B)) tools/repeat $(N)

.PHONY: matrix
ifeq ($(LAB),)
matrix:
	+@$(MAKE) --no-print-directory LAB=1 \
		$(if $(filter command line,$(origin BUILD)),BUILD=$(B)/lab) $@
else
matrix: all ## every hazard, each guard off, other strategies: docs/matrix.md
	@ICEBOX_BUILD=$(abspath $(B)) tests/matrix/run
endif

.PHONY: bench-exact
bench-exact: all ## instructions of unload, system calls, ..; UPDATE=1 records
	@ICEBOX_BUILD=$(abspath $(B)) UPDATE=$(UPDATE) tests/bench/run

# What the checks of the debug build see, and how a kernel dies that has them.
DEBUG_TESTS := $(addprefix tests/test_,debug.py watchdog.py refs.py death.py)
.PHONY: test-debug
ifeq ($(DEBUG),)
test-debug:
	+@$(MAKE) --no-print-directory DEBUG=1 \
		$(if $(filter command line,$(origin BUILD)),BUILD=$(B)/debug) $@
else
test-debug: all ## some tests in the debug build, those of its checks first
	@ICEBOX_BUILD=$(abspath $(B)) tests/suite $(or $(TESTS),$(DEBUG_TESTS))
endif

# Takes a debug build, which it makes if need be.
.PHONY: soak
ifeq ($(DEBUG),)
soak:
	+@$(MAKE) --no-print-directory DEBUG=1 $(if $(CORONER),LAB=1) \
		$(if $(filter command line,$(origin BUILD)),BUILD=$(B)/debug) $@
else
soak: all ## what one can do with modules, by chance; MINUTES=1 SEED=.. CORONER=1
	@ICEBOX_BUILD=$(abspath $(B)) tests/soak/run --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(CORONER),--coroner)
endif

.PHONY: corpus
corpus: ## what compilers make of pointers, stepped through: CAVEATS.md
	@CORPUS_BUILD=$(abspath $(B)/corpus) MFLAGS='$(MFLAGS)' tests/corpus/run

CHECKS	:= build clang sparse cppcheck headers includes shell words corpus
.PHONY: $(CHECKS:%=check-%)
check: $(CHECKS:%=check-%) ## two compilers, sparse, cppcheck, headers, ...
	@echo 'check: all is well'

check-build: all
check-clang:
	+$(Q)$(MAKE) --no-print-directory LLVM=1 BUILD=$(B)/check-clang all
check-sparse check-cppcheck check-headers: check-%: \
		$(B)/include/generated/abi.h
	$(call say,CHECK,$*)
	$(Q)KCC='$(KCC)' KFLAGS='$(KFLAGS)' MFLAGS='$(MFLAGS)' tools/check/$*
check-corpus:
	$(call say,CHECK,corpus)
	$(Q)CORPUS_BUILD=$(abspath $(B)/corpus) KCC='$(KCC)' \
		MFLAGS='$(MFLAGS)' tests/corpus/run --check
check-includes check-shell check-words: check-%:
	$(call say,CHECK,$*)
	$(Q)tools/check/$*

# The judge outside the kernel; of a lab build, which it makes if need be.
ifeq ($(LAB),)
coroner:
	+@$(MAKE) --no-print-directory LAB=1 \
		$(if $(filter command line,$(origin BUILD)),BUILD=$(B)/lab) coroner
else
coroner: all ## every verdict judged from outside: the judge's tests
	@$(PYTHON) -c 'import numpy' || { \
		echo 'make coroner: python3-numpy is missing (make deps-check)'; \
		exit 1; }
	@ICEBOX_BUILD=$(abspath $(B)) tests/suite -m coroner $(TESTS)
endif

# Schedules of two actors, of a lab build as above.
ifeq ($(LAB),)
explore:
	+@$(MAKE) --no-print-directory LAB=1 \
		$(if $(filter command line,$(origin BUILD)),BUILD=$(B)/lab) explore
else
EXPLORE	:= tools/explore --bound $(or $(BOUND),1) \
	   $(SCENARIO:%=--scenario %) $(GUARD_OFF:%=--guard-off %)
SHARDS	:= $(or $(SHARDS),$(shell nproc))
explore: all ## every interleaving; BOUND=1|2 SCENARIO=file SHARD=1/8 or SHARDS=8
	@export ICEBOX_BUILD=$(abspath $(B)); $(if $(SHARD),\
		$(EXPLORE) --shard $(SHARD),\
		parallel --will-cite --line-buffer $(EXPLORE) \
			--shard '{}/$(SHARDS)' ::: $$(seq $(SHARDS)); \
		status=$$?; tools/explore --report; exit $$status)
endif

$(B)/coroner-watch.so: tools/coroner/watch.c $(B)/.watch
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) $(WATCHFLAGS) -o $@ $<

$(B)/explore-trace.so: tests/explore/trace.c $(B)/.watch
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) $(WATCHFLAGS) -o $@ $<

gdb: all kernel initrd ## QEMU with gdb attached; CMDS='load hello; ...'
	@ICEBOX_BUILD=$(abspath $(B)) tools/gdb/start \
		$(XKO:%=--add %) $(if $(CMDS),"$$CMDS")

# Of BUILD only what a build has made: a slip of the pen is no loss.
clean: ## all that was built
	rm -rf build build-debug build-lab build-debug-lab build-*llvm
	$(if $(wildcard $(B)/.kflags),rm -rf $(B))
	$(if $(XKO),rm -f $(XKO))

help: ## this list
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
	@sed -n 's/^#: //p' Makefile

endif

#:
#: Variables: CROSS_COMPILE=i686-elf-   the tools to build with
#:            LLVM=1, CC=clang          clang and lld, or clang alone
#:            DEBUG=1, LAB=1            variants, in build-debug/, build-lab/
#:            MINUTES=1 SEED=N          how long make fuzz and soak go on
#:            BUILD=DIR V=1             where to build; show the commands
#:            M=DIR                     build the module in DIR (make M=DIR),
#:                                      or put it in the image (make run M=DIR)
#:            DEPS=check                let deps only say what is missing

.PHONY: deps deps-check deps-bench help
deps: ## install what running and testing need (Debian packages)
	@tools/deps.sh $(DEPS) run
deps-check: ## ... what `make check` and `make model` need
	@tools/deps.sh $(DEPS) run check
deps-bench: ## ... what debugging and measuring need
	@tools/deps.sh $(DEPS) run check bench

-include $(KOBJ:.o=.d) $(MODSRC:%=$(B)/m/%.d) $(HOSTBIN:=.d)
-include $(patsubst %.c,$(B)/u/%.c.d,$(USRC) $(filter %.c,$(ULIB)))
-include $(wildcard $(B)/m/modules/*/*.d $(B)/x/*/*.d)
