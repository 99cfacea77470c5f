/*
 * Paths as strings: joining and putting them into canonical form.  Pure.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <fs/path.h>

/* Cuts the last component of @out, which holds @len bytes; the new length. */
static size_t cut_last(const char *out, size_t len)
{
	while (len && out[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

/*
 * @path's components behind the @len bytes of @out; the new length, with room
 * for the NUL left, or -ENAMETOOLONG.  ".." at the root stays there.
 */
static ssize_t append_path(char *out, size_t len, size_t size,
			   const char *path)
{
	while (*path) {
		size_t n = 0;

		while (path[n] && path[n] != '/')
			n++;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			len = cut_last(out, len);
		} else if (n && !(n == 1 && path[0] == '.')) {
			if (len + 1 + n + 1 > size)
				return -ENAMETOOLONG;
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	return (ssize_t)len;
}

int path_join(const char *base, const char *path, char *out, size_t size)
{
	ssize_t len = 0;

	if (path[0] != '/')
		len = append_path(out, 0, size, base);
	if (len >= 0)
		len = append_path(out, (size_t)len, size, path);
	if (len < 0)
		return (int)len;
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return 0;
}
