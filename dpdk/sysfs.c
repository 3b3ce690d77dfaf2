/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfs: the directory DPDK's PCI bus is shown: links to the machine's real devices, and for each
 * function of the card the few files a scan reads. It is made under another name and renamed, so
 * that two processes of one card can make it at the same time; it stays for the next one.
 */
#include "net_softdpu_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL_DEVICES "/sys/bus/pci/devices"
#define DIR_MAX 512 /* bytes of the tree's path */

static const struct card *the_card;
static struct card *opened; /* by us */

const struct card *net_softdpu_card(void)
{
	return the_card;
}

static int put_file(const char *dir, const char *name, const char *text)
{
	char path[DIR_MAX + 64];
	size_t len = strlen(text);
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return refuse(errno, "%s: %s", path, strerror(errno));
	if (write(fd, text, len) != (ssize_t)len)
		err = refuse(EIO, "%s: %s", path, strerror(errno));
	close(fd);
	return err;
}

static int put_function(const char *dir, const struct card_bdf *bdf)
{
	static const char resources[] = "0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n"
					"0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n";
	char path[DIR_MAX + 16], link[DIR_MAX + 32], id[16], text[13];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, card_bdf_format(bdf, text));
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return refuse(errno, "%s: %s", path, strerror(errno));
	snprintf(id, sizeof(id), "0x%04x\n", SOFTDPU_PCI_VENDOR);
	if ((err = put_file(path, "vendor", id)) < 0 ||
		(err = put_file(path, "subsystem_vendor", id)) < 0)
		return err;
	snprintf(id, sizeof(id), "0x%04x\n", SOFTDPU_PCI_DEVICE);
	if ((err = put_file(path, "device", id)) < 0 ||
		(err = put_file(path, "subsystem_device", id)) < 0 ||
		(err = put_file(path, "class", "0x020000\n")) < 0 ||
		(err = put_file(path, "resource", resources)) < 0)
		return err;
	/* without a driver link the scan leaves the device out; the target need not exist */
	snprintf(link, sizeof(link), "%s/driver", path);
	if (symlink("/softdpu", link) < 0 && errno != EEXIST)
		return refuse(errno, "%s: %s", link, strerror(errno));
	return 0;
}

static bool is_ours(const struct card *card, const char *name)
{
	char text[13];

	for (unsigned i = 0; i < card->n_pfs; i++)
		if (strcmp(card_bdf_format(&card->pfs[i].dpu, text), name) == 0)
			return true;
	return false;
}

/* A real device at an address of the card is hidden by the card's. */
static void link_real(const char *dir, const struct card *card)
{
	char from[PATH_MAX], to[PATH_MAX];
	DIR *real = opendir(REAL_DEVICES);

	for (struct dirent *e; real && (e = readdir(real));) {
		if (e->d_name[0] == '.' || is_ours(card, e->d_name))
			continue;
		snprintf(from, sizeof(from), "%s/%s", REAL_DEVICES, e->d_name);
		snprintf(to, sizeof(to), "%s/%s", dir, e->d_name);
		if (symlink(from, to) < 0 && errno != EEXIST)
			break; /* a missing NIC is noticed by whoever wants it */
	}
	if (real)
		closedir(real);
}

/* RUN_DIR/pci-NAME-ADDRESSES: what is inside depends on nothing else. */
static int tree_path(const struct card *card, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/pci-%s", card->run_dir, card->name);
	char text[13];

	for (unsigned i = 0; i < card->n_pfs && n > 0 && (size_t)n < size; i++)
		n += snprintf(path + n, size - n, "-%s", card_bdf_format(&card->pfs[i].dpu, text));
	return n < 0 || (size_t)n >= size
		       ? refuse(ENAMETOOLONG, "run_dir %s is too long", card->run_dir)
		       : 0;
}

static int fill_tree(const char *dir, const struct card *card)
{
	int err = 0;

	link_real(dir, card);
	for (unsigned i = 0; i < card->n_pfs && err == 0; i++)
		err = put_function(dir, &card->pfs[i].dpu);
	return err;
}

static int make_run_dir(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash = strchr(dir + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = 0;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return refuse(errno, "run directory %s: %s", dir, strerror(errno));
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static int make_tree(const struct card *card, const char *path)
{
	char tmp[DIR_MAX + 8];
	int err = make_run_dir(card->run_dir);

	if (err < 0)
		return err;
	if (access(path, R_OK | W_OK | X_OK) == 0)
		return fill_tree(path, card); /* again: real devices come and go */
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	if (!mkdtemp(tmp))
		return refuse(errno, "%s: %s", tmp, strerror(errno));
	err = fill_tree(tmp, card);
	if (err < 0)
		return err;
	if (rename(tmp, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return refuse(errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int same_functions(const struct card *a, const struct card *b)
{
	bool same = strcmp(a->name, b->name) == 0 && a->n_pfs == b->n_pfs;

	for (unsigned i = 0; same && i < a->n_pfs; i++)
		same = card_bdf_equal(&a->pfs[i].dpu, &b->pfs[i].dpu);
	return same ? 0
		    : refuse(EBUSY,
			      "the DPDK driver serves card '%s' (%s) already; a process has one "
			      "card",
			      a->name, a->path);
}

int net_softdpu_setup(const struct card *card)
{
	char path[DIR_MAX];
	int err = 0;

	if (the_card)
		return card ? same_functions(the_card, card) : 0;
	if (!card) {
		err = card_open(&opened);
		card = opened;
	}
	if (err == 0)
		err = tree_path(card, path, sizeof(path));
	if (err == 0)
		err = make_tree(card, path);
	if (err == 0 && setenv("SYSFS_PCI_DEVICES", path, 1) < 0)
		err = refuse(errno, "SYSFS_PCI_DEVICES: %s", strerror(errno));
	if (err < 0) {
		card_destroy(opened);
		opened = NULL;
		return err;
	}
	the_card = card;
	return 0;
}

/* As a plugin of a program that knows nothing of us: only when the operator named a card. */
static void __attribute__((constructor)) set_up_as_plugin(void)
{
	const char *profile = getenv("SOFTDPU_CARD");

	if (profile && profile[0] && net_softdpu_setup(NULL) < 0)
		fprintf(stderr, "net_softdpu: %s\n", refusal());
}

static void __attribute__((destructor)) forget_card(void)
{
	card_destroy(opened);
	opened = NULL;
}
