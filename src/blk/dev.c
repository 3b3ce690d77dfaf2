/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices: URIs, references, channels. */
#include "blk/blk_int.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

static const struct blk_driver *const drivers[] = {
	&blk_file, &blk_mem, &blk_null, &blk_faulty,
#ifdef BLK_WITH_RBD
	&blk_rbd,
#endif
};

int blk_size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGTP";
	char *end;
	double n = strtod(text, &end);
	const char *unit;
	uint64_t scale = 1;

	if (end == text || n < 0)
		return refuse(EINVAL, "size '%s': expected a number with K, M, G, T or P, as in 512M", text);
	if (*end && (unit = strchr(units, toupper((unsigned char)*end)))) {
		scale <<= 10 * (unit - units + 1);
		end++;
		if (!strcmp(end, "iB") || !strcmp(end, "B"))
			end += strlen(end);
	}
	if (*end || n * (double)scale > (double)(1ull << 62))
		return refuse(EINVAL, "size '%s': expected a number with K, M, G, T or P, as in 512M", text);
	*bytes = scale == 1 ? strtoull(text, NULL, 10) : (uint64_t)(n * (double)scale);
	return 0;
}

const char *blk_uri_param(const struct blk_uri *uri, const char *key)
{
	for (int i = 0; i < uri->params; i++)
		if (!strcmp(uri->param[i].key, key))
			return uri->param[i].value;
	return NULL;
}

int blk_uri_geometry(const struct blk_uri *uri, uint32_t *block, uint64_t *size)
{
	const char *b = blk_uri_param(uri, "block"), *s = blk_uri_param(uri, "size");
	uint64_t bytes;
	int err;

	if (b) {
		err = blk_size_parse(b, &bytes);
		if (err)
			return err;
		if (bytes != 512 && bytes != 4096)
			return refuse(EINVAL, "block size %s: expected 512 or 4096", b);
		*block = (uint32_t)bytes;
	}
	return s ? blk_size_parse(s, size) : 0;
}

static const struct blk_driver *find_driver(const char *scheme)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(drivers[i]->scheme, scheme))
			return drivers[i];
	return NULL;
}

static int split_params(struct blk_uri *uri, char *query)
{
	for (char *key = query; key;) {
		char *next = strchr(key, '&'), *value = strchr(key, '=');

		if (next)
			*next++ = '\0';
		if (!value || (next && value > next))
			return refuse(EINVAL, "'%s': expected key=value", key);
		if (uri->params == BLK_PARAMS_MAX)
			return refuse(EINVAL, "more than %d parameters", BLK_PARAMS_MAX);
		*value++ = '\0';
		uri->param[uri->params].key = key;
		uri->param[uri->params++].value = value;
		key = next;
	}
	return 0;
}

/* A layer's body is a URI of its own; its query belongs to the inner device. */
static int take_apart(const char *text, struct blk_uri *uri)
{
	char *body, *query;

	memset(uri, 0, sizeof(*uri));
	uri->text = strdup(text);
	if (!uri->text)
		return -ENOMEM;
	body = strchr(uri->text, ':');
	if (*uri->text == '/' || !body) {
		uri->scheme = "file";
		body = uri->text;
	} else {
		*body++ = '\0';
		uri->scheme = uri->text;
	}
	uri->body = body;
	query = strchr(body, '?');
	if (!query || !strcmp(uri->scheme, "fault"))
		return 0;
	*query++ = '\0';
	return split_params(uri, query);
}

static int open_driver(const struct blk_driver *driver, const char *text, const struct blk_uri *uri,
	struct blk_dev **out)
{
	struct blk_dev *dev = calloc(1, driver->dev_size);
	int err;

	if (!dev)
		return -ENOMEM;
	dev->driver = driver;
	dev->refs = 1;
	dev->uri = strdup(text);
	err = dev->uri ? driver->open(dev, uri) : -ENOMEM;
	if (err) {
		free(dev->uri);
		free(dev);
		return err;
	}
	assert(dev->limits.block_size && dev->limits.max_bytes >= dev->limits.block_size);
	*out = dev;
	return 0;
}

int blk_open(const char *text, struct blk_dev **out)
{
	const struct blk_driver *driver;
	struct blk_uri uri;
	int err = take_apart(text, &uri);

	if (!err) {
		driver = find_driver(uri.scheme);
		err = driver ? open_driver(driver, text, &uri, out)
		      : !strcmp(uri.scheme, "rbd") ? refuse(ENOTSUP, "this build is without Ceph RBD (librbd-dev was missing)")
			     : refuse(EINVAL, "no backend '%s': expected mem, null, file, rbd or fault", uri.scheme);
	}
	free(uri.text);
	return err ? refuse_more(err, "%s", text) : 0;
}

struct blk_dev *blk_ref(struct blk_dev *dev)
{
	__atomic_add_fetch(&dev->refs, 1, __ATOMIC_RELAXED);
	return dev;
}

void blk_close(struct blk_dev *dev)
{
	if (!dev || __atomic_sub_fetch(&dev->refs, 1, __ATOMIC_ACQ_REL))
		return;
	dev->driver->close(dev);
	free(dev->uri);
	free(dev);
}

const char *blk_uri(const struct blk_dev *dev)
{
	return dev->uri;
}

const struct blk_limits *blk_limits(const struct blk_dev *dev)
{
	return &dev->limits;
}

int blk_resize(struct blk_dev *dev, uint64_t size)
{
	int err;

	if (!size || size % dev->limits.block_size)
		return refuse(EINVAL, "%s: size %llu is not a multiple of the block size %u", dev->uri,
			(unsigned long long)size, dev->limits.block_size);
	if (!dev->driver->resize)
		return refuse(EOPNOTSUPP, "%s: this backend cannot be resized", dev->uri);
	err = dev->driver->resize(dev, size);
	if (!err)
		__atomic_store_n(&dev->limits.size, size, __ATOMIC_RELEASE);
	return err;
}

struct blk_channel *blk_channel_get(struct blk_dev *dev, struct reactor *r)
{
	struct blk_channel **slot = &dev->channels[reactor_index(r)], *ch = *slot;

	if (ch) {
		ch->refs++;
		return ch;
	}
	ch = calloc(1, dev->driver->channel_size);
	if (!ch)
		return NULL;
	ch->dev = blk_ref(dev);
	ch->reactor = r;
	ch->refs = 1;
	if (dev->driver->channel_open && dev->driver->channel_open(ch)) {
		blk_close(dev);
		free(ch);
		return NULL;
	}
	*slot = ch;
	return ch;
}

void blk_channel_put(struct blk_channel *ch)
{
	struct blk_dev *dev;

	if (!ch || --ch->refs)
		return;
	dev = ch->dev;
	dev->channels[reactor_index(ch->reactor)] = NULL;
	if (dev->driver->channel_close)
		dev->driver->channel_close(ch);
	blk_compound_drain(ch);
	free(ch);
	blk_close(dev);
}

struct reactor *blk_channel_reactor(const struct blk_channel *ch)
{
	return ch->reactor;
}

struct blk_dev *blk_channel_dev(const struct blk_channel *ch)
{
	return ch->dev;
}

const struct blk_stats *blk_channel_stats(const struct blk_channel *ch)
{
	return &ch->stats;
}
