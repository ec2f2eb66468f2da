/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A loopback device of our own: who else uses the machine's one does not notice. */
#ifndef WL_SCENARIOS_NETWORK_H
#define WL_SCENARIOS_NETWORK_H

/* From now on in this process and its children: all packets are received on that CPU (RPS). */
void scn_network_make(unsigned cpu);

#endif
