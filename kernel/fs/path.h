/*
 * Paths as strings.  Pure.
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include <kernel/types.h>

/*
 * @path under the directory @base as an absolute path in @out, lexically
 * canonical: no ".", "..", "//".  As there are no links, it names the same.
 * -ENAMETOOLONG, and @out is no string then.  Any context.
 */
int path_join(const char *base, const char *path, char *out, size_t size);

#endif
