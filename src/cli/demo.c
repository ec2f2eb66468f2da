#include "cli/verbs.h"
int wl_demo_main(int argc, char **argv) { return argc && argv ? 1 : 0; }
