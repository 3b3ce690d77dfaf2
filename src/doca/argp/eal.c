/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words DPDK's EAL gets: the program's own, plus what this machine needs to start it at all.
 *
 * Without free hugepages, or without the right to map them: --no-huge with a memory size, no shared
 * configuration. Cores that do not exist are mapped to those that do. EAL offers no environment
 * variable for this, and DOCA programs offer no other place (design/virtual-pci.md).
 */
#include "doca/argp/argp_int.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 128
#define NO_HUGE_MB "512" /* the samples' 32768 mbufs and their tables; touched only as used */

struct words {
	char *word[WORDS_MAX + 1];
	int n;
};

static void add(struct words *w, const char *text)
{
	if (w->n < WORDS_MAX)
		w->word[w->n++] = argp_keep(text);
}

static bool have_hugepages(void)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	long free_pages = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		char path[320];
		FILE *f;
		long n;

		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages",
			e->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%ld", &n) == 1)
			free_pages += n;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return free_pages > 0 && access("/dev/hugepages", W_OK) == 0;
}

static bool has(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], flag))
			return true;
	return false;
}

/* The highest number in a core list such as "0-3,8"; -1 if there is none. */
static long highest_core(const char *list)
{
	long high = -1;

	while (*list) {
		char *end;
		long n;

		if (!isdigit((unsigned char)*list)) {
			list++;
			continue;
		}
		n = strtol(list, &end, 10);
		high = MAX_OF(high, n);
		list = end;
	}
	return high;
}

/* -l LIST with cores this machine lacks becomes --lcores (LIST)@(0-last). */
static void add_cores(struct words *w, const char *list)
{
	long have = sysconf(_SC_NPROCESSORS_ONLN);
	char text[256];

	if (highest_core(list) < have) {
		add(w, "-l");
		add(w, list);
		return;
	}
	snprintf(text, sizeof(text), "(%s)@(0-%ld)", list, have - 1);
	add(w, "--lcores");
	add(w, text);
}

static void add_environment(struct words *w)
{
	const char *env = getenv("SOFTDPU_EAL_ARGS");
	char *copy = env ? strdup(env) : NULL, *save = NULL;

	for (char *t = copy ? strtok_r(copy, " ", &save) : NULL; t; t = strtok_r(NULL, " ", &save))
		add(w, t);
	free(copy);
}

doca_error_t argp_start_eal(int argc, char **argv)
{
	bool no_huge = has(argc, argv, "--no-huge") || !have_hugepages();
	struct words w = {.n = 0};

	add(&w, argv[0]);
	for (int i = 1; i < argc; i++) {
		bool value = i + 1 < argc;

		if (no_huge && !strcmp(argv[i], "--in-memory"))
			continue;
		if (no_huge && !strncmp(argv[i], "--socket-mem", 12)) {
			i += !strchr(argv[i], '=') && value;
			continue;
		}
		if (!strcmp(argv[i], "-l") && value)
			add_cores(&w, argv[++i]);
		else
			add(&w, argv[i]);
	}
	if (no_huge && !has(argc, argv, "--no-huge"))
		add(&w, "--no-huge");
	if (no_huge && !has(argc, argv, "-m")) {
		add(&w, "-m");
		add(&w, NO_HUGE_MB);
	}
	if (no_huge && !has(argc, argv, "--no-shconf"))
		add(&w, "--no-shconf");
	if (no_huge && !has(argc, argv, "--no-telemetry"))
		add(&w, "--no-telemetry");
	add_environment(&w);
	w.word[w.n] = NULL;
	return argp.dpdk_cb(w.n, w.word);
}
