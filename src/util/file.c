/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int wl_file_read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	int ret = 0;

	if (!f)
		return -errno;
	if (!fgets(line, (int)size, f))
		ret = ferror(f) ? -EIO : -ENODATA;
	else
		line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return ret;
}
