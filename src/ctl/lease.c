/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A lease is a file beside the socket, locked (open file description lock, so it ends with the process
 * whatever happens) and holding the owner's pid for messages. Asking who owns it takes no lock, so a
 * curious CLI cannot make a starting daemon fail.
 */
#include "ctl/ctl_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/refuse.h"

static int read_pid(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? atoi(text) : 0;
}

static int write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n ? -1 : 0;
}

/* The file may have been removed between open and lock: then we hold a lock nobody can see. */
static bool still_there(int fd, const char *path)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(path, &named) && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

static int open_locked(const char *path, int *fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	do {
		*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (*fd < 0)
			return refuse(
				errno, "%s: cannot open the lease: %s", path, strerror(errno));
		if (fcntl(*fd, F_OFD_SETLK, &lock)) {
			int pid = read_pid(*fd);

			close(*fd);
			return refuse(EADDRINUSE, "%.*s is owned by the running process %d",
				(int)(strlen(path) - strlen(".lease")), path, pid);
		}
		if (still_there(*fd, path))
			return 0;
		close(*fd);
	} while (true);
}

int lease_take(const char *socket_path, struct lease *lease)
{
	int err;

	snprintf(lease->path, sizeof(lease->path), "%s.lease", socket_path);
	err = open_locked(lease->path, &lease->fd);
	if (err)
		return err;
	if (write_pid(lease->fd)) {
		err = refuse(errno, "%s: cannot write: %s", lease->path, strerror(errno));
		lease_give_back(lease);
		return err;
	}
	return 0;
}

void lease_give_back(struct lease *lease)
{
	unlink(lease->path);
	close(lease->fd);
	lease->fd = -1;
}

int lease_owner(const char *socket_path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[CTL_PATH_MAX + 8];
	int fd, pid = 0;

	snprintf(path, sizeof(path), "%s.lease", socket_path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (!fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK)
		pid = read_pid(fd);
	close(fd);
	return pid;
}
