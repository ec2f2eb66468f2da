// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A USDT probe in two places, of which one has an argument less: sites N passes both of them N
 * times, the longer one with i as its second argument. Says "ready" and begins when it reads a
 * line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "usdt.h"

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	char line[64];

	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (int i = 0; i < n; i++) {
		PROBE("sites", "begin", "-8@%%rdi", 7, i);
		PROBE("sites", "begin", "-8@%%rdi -8@%%rsi", 7, i);
		PROBE("sites", "end", "-8@%%rdi -8@%%rsi", 7, i);
		PROBE("sites", "end", "-8@%%rdi", 7, i);
	}
	puts("done");
	return 0;
}
