/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rbd: an image of a Ceph cluster through librbd.
 *
 *     rbd:POOL/IMAGE[?conf=/etc/ceph/ceph.conf&id=admin&namespace=N&snapshot=S&block=512|4096&readonly=1]
 *
 * librbd is loaded when the first such device is opened, so that nothing else needs it. Its callbacks come on
 * its own threads; each is a message to the reactor that submitted. Its write-back cache is off: a completed
 * write is in the cluster, and two daemons may export one image as two paths. Opening and resizing talk to the
 * cluster and block the control thread, for at most CONNECT_TIMEOUT seconds when no monitor answers.
 */
#include "blk/blk_int.h"

#include <dlfcn.h>
#include <pthread.h>
#include <rbd/librbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

#define CONNECT_TIMEOUT "10"
#define MAX_BYTES (32u << 20)

/* --- librbd --- */

#define FUNCTIONS(X)                                                                                             \
	X(rados_create) X(rados_conf_read_file) X(rados_conf_set) X(rados_connect) X(rados_shutdown)             \
	X(rados_ioctx_create) X(rados_ioctx_set_namespace) X(rados_ioctx_destroy) X(rbd_open)                    \
	X(rbd_open_read_only) X(rbd_close) X(rbd_get_size) X(rbd_resize) X(rbd_aio_create_completion)            \
	X(rbd_aio_get_return_value) X(rbd_aio_release) X(rbd_aio_readv) X(rbd_aio_writev) X(rbd_aio_discard)     \
	X(rbd_aio_write_zeroes)

#define MEMBER(name) __typeof__(&name) name;
static struct {
	FUNCTIONS(MEMBER)
} ceph;
#undef MEMBER

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of loading, and of the clusters */
static bool loaded;

static int load(void)
{
	void *lib;

	if (loaded)
		return 0;
	lib = dlopen("librbd.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return refuse(ENOTSUP, "no librbd on this machine (Debian: apt install librbd1): %s", dlerror());
#define FIND(name)                                                                             \
	ceph.name = (__typeof__(ceph.name))dlsym(lib, #name);                                  \
	if (!ceph.name) {                                                                      \
		dlclose(lib);                                                                  \
		return refuse(ENOTSUP, "librbd has no " #name ": Ceph 15 or newer is needed"); \
	}
	FUNCTIONS(FIND)
#undef FIND
	loaded = true;
	return 0;
}

/* --- clusters: one connection for all images of the same configuration and user --- */

struct cluster {
	struct cluster *next;
	char *conf, *id;
	rados_t rados;
	int refs;
};

static struct cluster *clusters; /* lock */

static int join(const char *conf, const char *id, rados_t *out)
{
	rados_t rados;
	int err = ceph.rados_create(&rados, id);

	if (err)
		return refuse(-err, "Ceph: %s", strerror(-err));
	err = ceph.rados_conf_read_file(rados, conf);
	if (err) {
		ceph.rados_shutdown(rados);
		return refuse(-err, "Ceph: %s: %s", conf ? conf : "no ceph.conf", strerror(-err));
	}
	ceph.rados_conf_set(rados, "client_mount_timeout", CONNECT_TIMEOUT);
	ceph.rados_conf_set(rados, "rbd_cache", "false");
	err = ceph.rados_connect(rados);
	if (err) {
		ceph.rados_shutdown(rados);
		return refuse(-err, "Ceph: cannot join the cluster as client.%s: %s", id, strerror(-err));
	}
	*out = rados;
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int cluster_get_locked(const char *conf, const char *id, struct cluster **out)
{
	struct cluster *c = clusters;
	int err;

	while (c && !(same(c->conf, conf) && same(c->id, id)))
		c = c->next;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		err = join(conf, id, &c->rados);
		if (err) {
			free(c);
			return err;
		}
		c->conf = conf ? strdup(conf) : NULL;
		c->id = strdup(id);
		c->next = clusters;
		clusters = c;
	}
	c->refs++;
	*out = c;
	return 0;
}

static int cluster_get(const char *conf, const char *id, struct cluster **out)
{
	int err;

	pthread_mutex_lock(&lock);
	err = load();
	if (!err)
		err = cluster_get_locked(conf, id, out);
	pthread_mutex_unlock(&lock);
	return err;
}

static void cluster_put(struct cluster *c)
{
	struct cluster **at = &clusters;

	pthread_mutex_lock(&lock);
	if (!--c->refs) {
		while (*at != c)
			at = &(*at)->next;
		*at = c->next;
		ceph.rados_shutdown(c->rados);
		free(c->conf);
		free(c->id);
		free(c);
	}
	pthread_mutex_unlock(&lock);
}

/* --- images --- */

struct rbd {
	struct blk_dev dev;
	struct cluster *cluster;
	rados_ioctx_t pool;
	rbd_image_t image;
};

struct rbd_state { /* in blk_io.priv */
	struct reactor_msg msg;
	long result;
};
_Static_assert(sizeof(struct rbd_state) <= sizeof(((struct blk_io *)0)->priv), "private space of an I/O");

static int open_pool(struct rbd *d, const char *pool, const struct blk_uri *uri)
{
	const char *space = blk_uri_param(uri, "namespace");
	int err = ceph.rados_ioctx_create(d->cluster->rados, pool, &d->pool);

	if (err)
		return refuse(-err, "Ceph pool '%s': %s", pool, strerror(-err));
	if (space)
		ceph.rados_ioctx_set_namespace(d->pool, space);
	return 0;
}

static int open_image(struct rbd *d, const char *image, const struct blk_uri *uri, bool readonly)
{
	const char *snapshot = blk_uri_param(uri, "snapshot");
	int err = readonly ? ceph.rbd_open_read_only(d->pool, image, &d->image, snapshot)
			   : ceph.rbd_open(d->pool, image, &d->image, snapshot);

	return err ? refuse(-err, "Ceph image '%s': %s", image, strerror(-err)) : 0;
}

static int measure(struct rbd *d, const struct blk_uri *uri, bool readonly)
{
	uint32_t block = 512;
	uint64_t size = 0, given = 0;
	int err = blk_uri_geometry(uri, &block, &given);

	if (!err && given)
		err = refuse(EINVAL, "rbd takes no size: 'rbd resize', or nvmf.namespace_set, changes the image's");
	if (!err)
		err = ceph.rbd_get_size(d->image, &size);
	if (!err && size < block)
		err = refuse(EINVAL, "the image is empty");
	/* discarding less than an object may be skipped, so what was unmapped need not read as zero */
	d->dev.limits = (struct blk_limits){.block_size = block, .optimal_bytes = 65536, .max_bytes = MAX_BYTES,
		.atomic_bytes = block, .buffer_align = 1, .size = size - size % block, .readonly = readonly, .thin = true};
	return err;
}

static int rbd_dev_open(struct blk_dev *dev, const struct blk_uri *uri)
{
	const char *slash = strchr(uri->body, '/'), *id = blk_uri_param(uri, "id"), *ro = blk_uri_param(uri, "readonly");
	bool readonly = (ro && !strcmp(ro, "1")) || blk_uri_param(uri, "snapshot");
	struct rbd *d = (struct rbd *)dev;
	char pool[128];
	int err;

	if (!slash || slash == uri->body || !slash[1] || (size_t)(slash - uri->body) >= sizeof(pool))
		return refuse(EINVAL, "'%s': expected POOL/IMAGE", uri->body);
	snprintf(pool, sizeof(pool), "%.*s", (int)(slash - uri->body), uri->body);
	err = cluster_get(blk_uri_param(uri, "conf"), id ? id : "admin", &d->cluster);
	if (err)
		return err;
	err = open_pool(d, pool, uri);
	if (err)
		goto leave;
	err = open_image(d, slash + 1, uri, readonly);
	if (err)
		goto close_pool;
	err = measure(d, uri, readonly);
	if (!err)
		return 0;
	ceph.rbd_close(d->image);
close_pool:
	ceph.rados_ioctx_destroy(d->pool);
leave:
	cluster_put(d->cluster);
	return err;
}

static void rbd_dev_close(struct blk_dev *dev)
{
	struct rbd *d = (struct rbd *)dev;

	ceph.rbd_close(d->image);
	ceph.rados_ioctx_destroy(d->pool);
	cluster_put(d->cluster);
}

static int rbd_dev_resize(struct blk_dev *dev, uint64_t size)
{
	int err = ceph.rbd_resize(((struct rbd *)dev)->image, size);

	return err ? refuse(-err, "%s: %s", dev->uri, strerror(-err)) : 0;
}

/* --- I/O --- */

static void finished(struct reactor_msg *msg)
{
	struct rbd_state *s = container_of(msg, struct rbd_state, msg);
	struct blk_io *io = container_of(s, struct blk_io, priv);

	blk_done(io, s->result < 0 ? (int)s->result : 0);
}

/* On a thread of librbd. */
static void completed(rbd_completion_t completion, void *arg)
{
	struct blk_io *io = arg;
	struct rbd_state *s = (struct rbd_state *)io->priv;

	s->result = ceph.rbd_aio_get_return_value(completion);
	ceph.rbd_aio_release(completion);
	s->msg.run = finished;
	reactor_send(io->channel->reactor, &s->msg);
}

static int start(rbd_image_t image, struct blk_io *io, rbd_completion_t completion)
{
	switch (io->op) {
	case BLK_READ:
		return ceph.rbd_aio_readv(image, io->iov, io->iovcnt, io->offset, completion);
	case BLK_WRITE:
		return ceph.rbd_aio_writev(image, io->iov, io->iovcnt, io->offset, completion);
	case BLK_UNMAP:
		return ceph.rbd_aio_discard(image, io->offset, io->length, completion);
	default:
		return ceph.rbd_aio_write_zeroes(image, io->offset, io->length, completion,
			io->flags & BLK_MAY_UNMAP ? 0 : RBD_WRITE_ZEROES_FLAG_THICK_PROVISION, 0);
	}
}

static void rbd_submit(struct blk_channel *ch, struct blk_io *io)
{
	rbd_completion_t completion;
	int err = ceph.rbd_aio_create_completion(io, completed, &completion);

	if (err) {
		blk_done(io, err);
		return;
	}
	err = start(((struct rbd *)ch->dev)->image, io, completion);
	if (err) {
		ceph.rbd_aio_release(completion);
		blk_done(io, err);
	}
}

/* Without the cache a completed write is durable. */
static void rbd_flush_nothing(struct blk_channel *ch, struct blk_io *io)
{
	blk_done(io, 0);
}

const struct blk_driver blk_rbd = {
	.scheme = "rbd",
	.dev_size = sizeof(struct rbd),
	.channel_size = sizeof(struct blk_channel),
	.open = rbd_dev_open,
	.close = rbd_dev_close,
	.resize = rbd_dev_resize,
	.submit = {
		[BLK_READ] = rbd_submit,
		[BLK_WRITE] = rbd_submit,
		[BLK_FLUSH] = rbd_flush_nothing,
		[BLK_UNMAP] = rbd_submit,
		[BLK_ZERO] = rbd_submit,
	},
};
