/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words DPDK's EAL gets: the program's own, plus what this machine needs to start it at all.
 * Used by argp (programs that parse with it) and by the bridge library (programs that call
 * rte_eal_init themselves); adding twice adds nothing.
 *
 * Without free hugepages, or without the right to map them: --no-huge with a memory size, no shared
 * configuration. Cores that do not exist are mapped to those that do, and a program that names none
 * gets as many as the smallest card has: programs written on one refuse to start with fewer. EAL offers
 * no environment variable for this, and DOCA programs offer no other place (design/virtual-pci.md).
 */
#include "doca/common/common.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 256
#define CARD_CORES 8      /* a BlueField-2's */
#define NO_HUGE_MB "2048" /* 8192 mbufs for each of them and six ports, as programs do; touched only as used */

struct words {
	char *word[WORDS_MAX + 1];
	char *given[WORDS_MAX + 1]; /* what EAL gets: it permutes and overwrites the list */
	int n;
	bool failed;
};

static void add(struct words *w, const char *text)
{
	char *copy = w->n < WORDS_MAX ? strdup(text) : NULL;

	if (copy)
		w->word[w->n++] = copy;
	else
		w->failed = true;
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

/* Options of EAL end at "--"; what follows is the program's. */
static int options_end(int argc, char *const *argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

static bool has(int argc, char *const *argv, const char *flag)
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

static bool names_cores(const char *word)
{
	return !strncmp(word, "-l", 2) || !strncmp(word, "-c", 2) || !strncmp(word, "--lcores", 8);
}

static void add_card_cores(struct words *w)
{
	long have = sysconf(_SC_NPROCESSORS_ONLN);
	char text[64];

	for (int i = 1; i < w->n; i++)
		if (names_cores(w->word[i]))
			return;
	if (have >= CARD_CORES)
		return;
	snprintf(text, sizeof(text), "(0-%d)@(0-%ld)", CARD_CORES - 1, have - 1);
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

/* The program's own options, less those that --no-huge cannot stand. */
static void add_options(struct words *w, int end, char *const *argv, bool no_huge)
{
	for (int i = 1; i < end; i++) {
		bool value = i + 1 < end;

		if (no_huge && !strcmp(argv[i], "--in-memory"))
			continue;
		if (no_huge && !strncmp(argv[i], "--socket-mem", 12)) {
			i += !strchr(argv[i], '=') && value;
			continue;
		}
		if (!strcmp(argv[i], "-l") && value)
			add_cores(w, argv[++i]);
		else if (!strncmp(argv[i], "-l", 2) && isdigit((unsigned char)argv[i][2]))
			add_cores(w, argv[i] + 2);
		else
			add(w, argv[i]);
	}
}

static void add_no_huge(struct words *w, int end, char *const *argv)
{
	if (!has(end, argv, "--no-huge"))
		add(w, "--no-huge");
	if (!has(end, argv, "-m")) {
		add(w, "-m");
		add(w, NO_HUGE_MB);
	}
	if (!has(end, argv, "--no-shconf"))
		add(w, "--no-shconf");
	if (!has(end, argv, "--no-telemetry"))
		add(w, "--no-telemetry");
}

int dcore_eal_words(int argc, char *const *argv, char ***words)
{
	static struct words kept[2]; /* EAL keeps pointers: the last two lists stay reachable */
	static unsigned turn;
	struct words *w = &kept[turn++ % 2];
	int end = options_end(argc, argv);
	bool no_huge = has(end, argv, "--no-huge") || !have_hugepages();

	for (int i = 0; i < w->n; i++)
		free(w->word[i]);
	memset(w, 0, sizeof(*w));
	add(w, argc > 0 ? argv[0] : "program");
	add_options(w, end, argv, no_huge);
	if (no_huge)
		add_no_huge(w, end, argv);
	add_environment(w);
	add_card_cores(w);
	for (int i = end; i < argc; i++)
		add(w, argv[i]);
	if (w->failed)
		return refuse(E2BIG, "EAL arguments: more than %d words, or no memory", WORDS_MAX);
	memcpy(w->given, w->word, sizeof(w->given));
	*words = w->given;
	return w->n;
}
