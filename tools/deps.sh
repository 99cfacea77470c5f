#!/bin/sh
# Says what of the tools that building, testing and checking need is missing,
# and installs it with apt-get, as root or through sudo.
# Usage: deps.sh install|check SET..., a set being run, check or bench.
set -u

mode=$1
shift
[ "$mode" = install ] || [ "$mode" = check ] || {
	echo "DEPS=$mode: neither install nor check" >&2
	exit 64
}
cross=${CROSS_COMPILE:-i686-linux-gnu-}
missing=''

# need PACKAGE TEST...: the test succeeds if the package is not needed.
need()
{
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

have()
{
	command -v "$1"
}

python()
{
	/usr/bin/python3 -c "import $1"
}

compiles()
{
	echo 'int main(void) { return 0; }' | "$@" -x c -o /dev/null -
}

fuzzes()
{
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		clang -fsanitize=fuzzer,address -x c -o /dev/null -
}

need_run()
{
	need make have make
	need gcc have gcc
	need libc6-dev compiles gcc -fsanitize=address,undefined
	if [ "$cross" = i686-linux-gnu- ]; then
		need gcc-i686-linux-gnu have i686-linux-gnu-gcc
		need binutils-i686-linux-gnu have i686-linux-gnu-ld
	elif ! have "${cross}gcc" >/dev/null; then
		echo "missing: ${cross}gcc, which is no Debian package" >&2
		exit 1
	fi
	need nasm have nasm
	need grub-common have grub-mkrescue
	need grub-pc-bin test -e /usr/lib/grub/i386-pc/multiboot.mod
	need xorriso have xorriso
	need mtools have mformat
	need xz-utils have xz
	need qemu-system-x86 have qemu-system-i386
	need python3 have /usr/bin/python3
	need python3-pytest python pytest
	need python3-pytest-xdist python xdist
	need python3-pexpect python pexpect
	need python3-jsonschema python jsonschema
	need gdb have gdb
}

need_check()
{
	need clang have clang
	need libc6-dev-i386-cross compiles i686-linux-gnu-gcc -static
	need libclang-rt-14-dev fuzzes
	need lld have ld.lld
	need llvm have llvm-objcopy
	need sparse have sparse
	need cppcheck have cppcheck
	need shellcheck have shellcheck
	need python3-pyflakes python pyflakes
	need spin have spin
	need python3-numpy python numpy
	need qemu-utils have qemu-img
	need parallel have parallel
}

need_bench()
{
	need mmdebstrap have mmdebstrap
}

for set in "$@"; do
	"need_$set"
done

if [ -z "$missing" ]; then
	exit 0
fi
echo "missing:$missing"
if [ "$mode" = check ]; then
	exit 1
fi
if ! have apt-get >/dev/null; then
	echo "no apt-get here: please install these by other means" >&2
	exit 1
fi

sudo=''
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	have sudo >/dev/null || {
		echo "run this as root, or install sudo" >&2
		exit 1
	}
fi

# Our standard input belongs to what comes after us on make's command line.
apt()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null
}

apt update || exit 1
# shellcheck disable=SC2086 # one word a package
apt install -y --no-install-recommends $missing
