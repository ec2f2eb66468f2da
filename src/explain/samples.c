/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/samples.h"

#include <stdlib.h>
#include <string.h>

static void free_frames(struct wl_sample_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(frames[i].function);
		free(frames[i].file);
		free(frames[i].module);
	}
	free(frames);
}

void wl_samples_free(struct wl_samples *samples)
{
	for (size_t i = 0; i < samples->n; i++) {
		free_frames(samples->all[i].kernel, samples->all[i].nkernel);
		free_frames(samples->all[i].user, samples->all[i].nuser);
	}
	free(samples->all);
	memset(samples, 0, sizeof(*samples));
}
