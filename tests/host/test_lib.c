// sources: kernel/lib/string.c kernel/lib/kstrto.c kernel/lib/cmdline.c kernel/lib/json.c kernel/lib/errno.c
/*
 * The small tools of kernel/lib: what they promise for good input, and that
 * bad input is told and writes nothing outside (ASan watches).
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <limits.h>
#include <stdlib.h>
#include "lib/cmdline.h"
#include "lib/json.h"

const char *errno_name(int err);

/* cstring.c under other names, as the C library has these. */
#define memcmp	kernel_memcmp
#define memchr	kernel_memchr
#define strlen	kernel_strlen
#define strnlen	kernel_strnlen
#define strcmp	kernel_strcmp
#define strncmp	kernel_strncmp
#define strchr	kernel_strchr
#define strrchr	kernel_strrchr
#define strstr	kernel_strstr
#include "lib/cstring.c"
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

static int failures;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		failures++;						\
	}								\
} while (0)

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Every function of cstring.c agrees with the C library's. */
static void cstring_agrees_with_libc(void)
{
	static const char *const set[] = {
		"", "a", "b", "ab", "abc", "abcabd", "abd", "\x80", "a\xff",
		"xxabdyy", "aaab", "aab",
	};

	for (size_t i = 0; i < ARRAY_SIZE(set) * ARRAY_SIZE(set); i++) {
		const char *a = set[i / ARRAY_SIZE(set)];
		const char *b = set[i % ARRAY_SIZE(set)];
		size_t n = min(strlen(a), strlen(b)) + 1;

		EXPECT(kernel_strlen(a) == strlen(a));
		EXPECT(kernel_strnlen(a, 2) == strnlen(a, 2));
		EXPECT(sign(kernel_strcmp(a, b)) == sign(strcmp(a, b)));
		EXPECT(sign(kernel_strncmp(a, b, 2)) == sign(strncmp(a, b, 2)));
		EXPECT(sign(kernel_memcmp(a, b, n)) == sign(memcmp(a, b, n)));
		EXPECT(kernel_strchr(a, b[0]) == strchr(a, b[0]));
		EXPECT(kernel_strrchr(a, b[0]) == strrchr(a, b[0]));
		EXPECT(kernel_memchr(a, b[0], n) == memchr(a, b[0], n));
		EXPECT(kernel_strstr(a, b) == strstr(a, b));
	}
}

/* A copy is cut at its place, terminated, and the cut is told. */
static void strscpy_terminates_and_tells(void)
{
	char *p = malloc(4);

	EXPECT(strscpy(p, "abc", 4) == 3 && !strcmp(p, "abc"));
	EXPECT(strscpy(p, "abcd", 4) == -E2BIG && !strcmp(p, "abc"));
	EXPECT(strscpy(p, "", 4) == 0 && !*p);
	EXPECT(strscpy(p, "x", 1) == -E2BIG && !*p);
	EXPECT(strscpy(p, "x", 0) == -E2BIG);
	EXPECT(scnprintf(p, 4, "%d", 12345) == 3 && !strcmp(p, "123"));
	EXPECT(scnprintf(p, 0, "%d", 12345) == 0);
	free(p);
}

/* The whole string is a number in range, or *out stays as it was. */
static void kstrto_takes_all_or_nothing(void)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "x", "0x", "-", "+", "--1", "1.0", "08", "1\n",
		"0xg",
	};
	unsigned int u = 77;
	int i = 77;

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		EXPECT(kstrtoint(bad[k], 0, &i) == -EINVAL && i == 77);
		EXPECT(kstrtouint(bad[k], 0, &u) == -EINVAL && u == 77);
	}
	EXPECT(kstrtoint("2147483648", 0, &i) == -ERANGE && i == 77);
	EXPECT(kstrtoint("-2147483649", 0, &i) == -ERANGE && i == 77);
	EXPECT(kstrtouint("4294967296", 0, &u) == -ERANGE && u == 77);
	EXPECT(kstrtouint("99999999999999999999999", 0, &u) == -ERANGE);
	EXPECT(kstrtouint("-1", 0, &u) == -EINVAL);
	EXPECT(kstrtouint("1", 1, &u) == -EINVAL && u == 77);
	EXPECT(kstrtoint("-2147483648", 0, &i) == 0 && i == INT_MIN);
	EXPECT(kstrtoint("+2147483647", 10, &i) == 0 && i == INT_MAX);
	EXPECT(kstrtouint("0xFFffFFff", 0, &u) == 0 && u == UINT_MAX);
	EXPECT(kstrtouint("0x10", 16, &u) == 0 && u == 16);
	EXPECT(kstrtouint("ff", 16, &u) == 0 && u == 255);
	EXPECT(kstrtouint("010", 0, &u) == 0 && u == 8);
	EXPECT(kstrtouint("0", 0, &u) == 0 && u == 0);
}

/* Words, values, quotes; a key is no prefix of another; the last one wins. */
static void cmdline_finds_what_is_there(void)
{
	static const char line[] = "icebox.elf  quiet loglevel=7 seed= "
		"script=\"load a; echo \\\"x y\\\"; unload a\" seeds=4 "
		"loglevel=3 tail";
	char out[64], small[4];

	EXPECT(cmdline_get(line, "quiet", out, sizeof(out)) && !*out);
	EXPECT(cmdline_get(line, "tail", out, sizeof(out)) && !*out);
	EXPECT(cmdline_get(line, "seed", out, sizeof(out)) && !*out);
	EXPECT(cmdline_get(line, "loglevel", out, sizeof(out)) &&
	       !strcmp(out, "3"));
	EXPECT(cmdline_get(line, "script", out, sizeof(out)) &&
	       !strcmp(out, "load a; echo \"x y\"; unload a"));
	EXPECT(cmdline_get(line, "script", small, sizeof(small)) &&
	       !strcmp(small, "loa"));
	strcpy(out, "kept");
	EXPECT(!cmdline_get(line, "load", out, sizeof(out)));
	EXPECT(!cmdline_get(line, "log", out, sizeof(out)));
	EXPECT(!cmdline_get("", "log", out, sizeof(out)));
	EXPECT(!strcmp(out, "kept"));
	EXPECT(cmdline_get("a=\"open", "a", out, sizeof(out)) &&
	       !strcmp(out, "open"));
	EXPECT(cmdline_get("a=\"x\\", "a", out, sizeof(out)) &&
	       !strcmp(out, "x\\"));
}

static void write_sample(struct json_writer *w)
{
	json_object_begin(w, NULL);
	json_string(w, "name", "a\"b\\c\n\x01\xe9\xc3\xa9\xc3");
	json_u64(w, "big", UINT64_MAX);
	json_i64(w, "low", INT64_MIN);
	json_bool(w, "yes", true);
	json_string(w, "none", NULL);
	json_array_begin(w, "list");
	json_u64(w, NULL, 1);
	json_object_begin(w, NULL);
	json_object_end(w);
	json_array_begin(w, NULL);
	json_array_end(w);
	json_address(w, NULL, 0xc0123456);
	json_array_end(w);
	json_object_end(w);
}

/* The text is right, and in any smaller buffer it is reported as cut. */
static void json_is_whole_or_refused(void)
{
	static const char want[] = "{\"name\":"
		"\"a\\\"b\\\\c\\n\\u0001\\u00e9\xc3\xa9\\u00c3\","
		"\"big\":18446744073709551615,\"low\":-9223372036854775808,"
		"\"yes\":true,\"none\":null,\"list\":[1,{},[],\"0xc0123456\"]}";
	struct json_writer w;

	for (size_t size = 1; size <= sizeof(want); size++) {
		char *buf = malloc(size);
		ssize_t n;

		json_init(&w, buf, size);
		write_sample(&w);
		n = json_finish(&w);
		if (size < sizeof(want))
			EXPECT(n == -E2BIG && strlen(buf) < size);
		else
			EXPECT(n == (ssize_t)sizeof(want) - 1 &&
			       !strcmp(buf, want));
		free(buf);
	}
}

static void json_left_open_is_an_error(void)
{
	struct json_writer w;
	char buf[32];

	json_init(&w, buf, sizeof(buf));
	json_object_begin(&w, NULL);
	EXPECT(json_finish(&w) == -EINVAL);
	json_object_end(&w);
	EXPECT(json_finish(&w) == 2);
	json_object_end(&w);
	EXPECT(json_finish(&w) == -EINVAL);
}

static void errno_has_names(void)
{
	EXPECT(!strcmp(errno_name(-EBUSY), "EBUSY"));
	EXPECT(!strcmp(errno_name(ETIMEDOUT), "ETIMEDOUT"));
	EXPECT(!strcmp(errno_name(-ERESTARTSYS), "ERESTARTSYS"));
	EXPECT(!strcmp(errno_name(0), "unknown error"));
	EXPECT(!strcmp(errno_name(INT_MIN), "unknown error"));
	EXPECT(!strcmp(errno_name(41), "unknown error"));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(fn) { #fn, fn }
	TEST(cstring_agrees_with_libc),
	TEST(strscpy_terminates_and_tells),
	TEST(kstrto_takes_all_or_nothing),
	TEST(cmdline_finds_what_is_there),
	TEST(json_is_whole_or_refused),
	TEST(json_left_open_is_an_error),
	TEST(errno_has_names),
};

int main(void)
{
	int before, bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		before = failures;
		tests[i].run();
		bad += failures != before;
		printf("%sok %zu %s\n", failures == before ? "" : "not ",
		       i + 1, tests[i].name);
	}
	return bad != 0;
}
