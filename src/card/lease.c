/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lease: the run directory of a card, and the one process that owns its switch. The lock is an
 * flock on a file that stays: a crash drops the lock, and nobody ever has to clean up. The file's
 * text ("812 softdpud") is only for messages.
 */
#include "card/card_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct card_lease {
	int fd;
};

static int make_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return refuse(errno, "run directory %s: %s", path, strerror(errno));
		*slash = '/';
	}
	return 0;
}

int card_run_path(const struct card *card, const char *file, char *buf, size_t size)
{
	char dir[CARD_NAME_MAX + 16];
	int n, err;

	snprintf(dir, sizeof(dir), card->is_private ? "%s.%d" : "%s", card->name, (int)getpid());
	n = snprintf(buf, size, "%s/%s/", card->run_dir, dir);
	if (n < 0 || (size_t)n + strlen(file) >= size)
		return refuse(ENAMETOOLONG,
			"run directory %s/%s: the path is longer than %zu bytes", card->run_dir,
			dir, size - 1);
	err = make_dirs(buf);
	if (err < 0)
		return err;
	if (file[0])
		strcpy(buf + n, file);
	else
		buf[n - 1] = 0;
	return 0;
}

static void who_owns(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

static int open_lease(const struct card *card, char path[256])
{
	int err = card_run_path(card, "lease", path, 256), fd;

	if (err < 0)
		return err;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? refuse(errno, "lease %s: %s", path, strerror(errno)) : fd;
}

static int write_owner(int fd, const char *path)
{
	char text[64];
	int n = snprintf(
		text, sizeof(text), "%d %s\n", (int)getpid(), program_invocation_short_name);

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, MIN_OF(n, (int)sizeof(text) - 1), 0) < 0)
		return refuse(errno, "lease %s: %s", path, strerror(errno));
	return 0;
}

int card_lease_take(const struct card *card, struct card_lease **lease)
{
	char path[256], owner[64], *name;
	int fd, err;

	*lease = NULL;
	if (card->is_private)
		return 0;
	fd = open_lease(card, path);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		who_owns(fd, owner, sizeof(owner));
		name = strchr(owner, ' ');
		if (name)
			*name++ = 0;
		err = refuse(EBUSY, "card '%s' is run by %s, pid %s; a card has one switch (%s)",
			card->name, name ? name : "another program", owner, path);
		goto close_file;
	}
	err = write_owner(fd, path);
	if (err < 0)
		goto close_file;
	*lease = malloc(sizeof(**lease));
	if (*lease) {
		(*lease)->fd = fd;
		return 0;
	}
	err = refuse(ENOMEM, "no memory for a lease");
close_file:
	close(fd);
	return err;
}

void card_lease_release(struct card_lease *lease)
{
	if (!lease)
		return;
	if (ftruncate(lease->fd, 0) < 0) {
		/* only the text for messages; the lock goes with the descriptor */
	}
	close(lease->fd);
	free(lease);
}

int card_lease_owner(const struct card *card)
{
	char path[256], owner[64];
	int fd, pid = 0;

	if (card->is_private)
		return 0;
	fd = open_lease(card, path);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		who_owns(fd, owner, sizeof(owner));
		pid = atoi(owner);
	}
	close(fd);
	return pid;
}
