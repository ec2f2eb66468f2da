/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The verbs: argv[0] is the verb, the result is the exit status (WL_EXIT_* of options.h). */
#ifndef WL_CLI_VERBS_H
#define WL_CLI_VERBS_H

int wl_watch_main(int argc, char **argv);
int wl_record_main(int argc, char **argv);
int wl_captures_main(int argc, char **argv);
int wl_explain_main(int argc, char **argv);
int wl_track_main(int argc, char **argv);
int wl_doctor_main(int argc, char **argv);
int wl_demo_main(int argc, char **argv);

#endif
