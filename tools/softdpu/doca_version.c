/* SPDX-License-Identifier: BSD-3-Clause */
/* doca-version: the version of the DOCA interface this build has (F:4663). */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		puts("usage: doca-version\n\nPrint the version of the DOCA interface and of "
		     "softdpu.");
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "doca-version: what is '%s'? It takes no arguments\n", argv[1]);
		return 2;
	}
	puts("DOCA version: " SOFTDPU_VERSION "\nsoftdpu version: " SOFTDPU_VERSION);
	return 0;
}
