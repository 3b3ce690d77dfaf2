/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_int.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

const char *ctl_run_dir(void)
{
	const char *dir = getenv("SOFTDPU_RUN");

	return dir && *dir ? dir : "/run/softdpu";
}

int ctl_socket_path(const char *card, const char *program, char path[CTL_PATH_MAX])
{
	int n;

	if (!*card || strchr(card, '/') || card[0] == '.')
		return refuse(EINVAL,
			"card name '%.64s': expected a name without '/' or a leading dot", card);
	n = snprintf(path, CTL_PATH_MAX, "%s/%s/%s.sock", ctl_run_dir(), card, program);
	if (n >= CTL_PATH_MAX)
		return refuse(ENAMETOOLONG,
			"%s/%s/%s.sock is over the %d bytes of a socket path; set "
			"SOFTDPU_RUN to a shorter directory",
			ctl_run_dir(), card, program, CTL_PATH_MAX - 1);
	return 0;
}

/* One block: n pointers, then the texts they point at. */
static char **pack(struct dirent **found, const bool *keep, int n_found, int n_keep)
{
	size_t bytes = (size_t)(n_keep + 1) * sizeof(char *);
	char **names, *text;

	for (int i = 0; i < n_found; i++)
		bytes += keep[i] ? strlen(found[i]->d_name) + 1 : 0;
	names = malloc(bytes);
	if (!names)
		return NULL;
	text = (char *)(names + n_keep + 1);
	n_keep = 0;
	for (int i = 0; i < n_found; i++) {
		if (!keep[i])
			continue;
		names[n_keep++] = strcpy(text, found[i]->d_name);
		text += strlen(text) + 1;
	}
	names[n_keep] = NULL;
	return names;
}

int ctl_running(const char *program, char ***names)
{
	struct dirent **found = NULL;
	int n = scandir(ctl_run_dir(), &found, NULL, alphasort), alive = 0;
	bool *keep = calloc((size_t)MAX_OF(n, 0) + 1, sizeof(*keep));

	for (int i = 0; i < n && keep; i++) {
		char path[CTL_PATH_MAX];

		keep[i] = found[i]->d_name[0] != '.' &&
			  !ctl_socket_path(found[i]->d_name, program, path) && lease_owner(path);
		alive += keep[i];
	}
	*names = keep ? pack(found, keep, n, alive) : NULL;
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	free(keep);
	return *names ? alive : 0;
}
