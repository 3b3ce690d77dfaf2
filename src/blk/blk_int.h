/* SPDX-License-Identifier: BSD-3-Clause */
/* blk insides: what a backend implements. Only room blk and its tests include this. */
#ifndef BLK_INT_H
#define BLK_INT_H

#include <pthread.h>

#include "base/base.h"
#include "blk/blk.h"

#define BLK_PARAMS_MAX 16

/* A URI taken apart: scheme:body?key=value&... Strings are borrowed from the text. */
struct blk_uri {
	char *text;
	const char *scheme, *body;
	struct {
		const char *key, *value;
	} param[BLK_PARAMS_MAX];
	int params;
};

struct blk_driver {
	const char *scheme;
	size_t dev_size, channel_size; /* of the structs that embed blk_dev / blk_channel first */
	/* fills dev->limits; 0/-errno with a refusal */
	int (*open)(struct blk_dev *dev, const struct blk_uri *uri);
	void (*close)(struct blk_dev *dev);
	int (*resize)(struct blk_dev *dev, uint64_t size); /* NULL: not supported */
	int (*channel_open)(struct blk_channel *ch);
	void (*channel_close)(struct blk_channel *ch);
	const void *(*view)(struct blk_channel *ch, uint64_t offset); /* NULL: not in memory */
	/* one per operation; NULL = composed by submit.c. Ranges, alignment and size are checked. */
	void (*submit[BLK_OP_COUNT])(struct blk_channel *ch, struct blk_io *io);
	/* as blk_cancel(), of what submit took; NULL = nothing can be stopped */
	void (*cancel)(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel);
};

struct blk_dev {
	const struct blk_driver *driver;
	char *uri;
	struct blk_limits limits;
	int refs; /* atomic */
	struct blk_channel *channels[REACTORS_MAX]; /* each touched by its reactor only */
};

struct blk_channel {
	struct blk_dev *dev;
	struct reactor *reactor;
	int refs;
	struct blk_stats stats;
	struct blk_compound *spare; /* free compounds of submit.c */
};

extern const struct blk_driver blk_mem, blk_null, blk_file, blk_faulty, blk_rbd;

/* NULL when absent. */
const char *blk_uri_param(const struct blk_uri *uri, const char *key);
/* block= and size= of every backend. size stays untouched when absent. */
int blk_uri_geometry(const struct blk_uri *uri, uint32_t *block, uint64_t *size);

/* Backends end an I/O with this, exactly once. */
static inline void blk_done(struct blk_io *io, int status)
{
	if (unlikely(status))
		io->channel->stats.errors++;
	io->done(io, status);
}

/* submit.c: free the channel's spare compounds. */
void blk_compound_drain(struct blk_channel *ch);

/* iovec helpers shared by backends: copy between a flat range and the vector, from byte `skip` on */
void blk_iov_from(const struct iovec *iov, int cnt, size_t skip, const void *src, size_t len);
void blk_iov_to(const struct iovec *iov, int cnt, size_t skip, void *dst, size_t len);
void blk_iov_zero(const struct iovec *iov, int cnt);

#endif
