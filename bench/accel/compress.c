/* SPDX-License-Identifier: BSD-3-Clause */
/* Deflate level 1 (ISA-L), inflate (libdeflate), LZ4 blocks, and the CRC-32 of what an LZ4 block held. */
#include "rig.h"

#include <string.h>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <lz4.h>

#include <doca_compress.h>

static struct isal_zstream stream;
static uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
static struct libdeflate_decompressor *inflater;
static struct doca_compress_task_decompress_lz4_block *lz4_tasks[DEPTH];
static volatile uint32_t crc; /* somebody wants it */

static size_t deflate_into(const uint8_t *src, size_t len, uint8_t *to, size_t room)
{
	isal_deflate_stateless_init(&stream);
	stream.level = 1;
	stream.level_buf = level_buf;
	stream.level_buf_size = sizeof(level_buf);
	stream.next_in = (uint8_t *)src;
	stream.avail_in = (uint32_t)len;
	stream.next_out = to;
	stream.avail_out = (uint32_t)room;
	stream.end_of_stream = 1;
	isal_deflate_stateless(&stream);
	return stream.total_out;
}

static bool direct_deflate(struct rig_request *r)
{
	r->out = deflate_into(r->src, r->len, r->dst, r->room);
	return r->out > 0;
}

static bool direct_inflate(struct rig_request *r)
{
	return libdeflate_deflate_decompress(inflater, r->src, r->len, r->dst, r->room, &r->out) ==
	       LIBDEFLATE_SUCCESS;
}

static bool direct_lz4(struct rig_request *r)
{
	int n = LZ4_decompress_safe(
		(const char *)r->src, (char *)r->dst, (int)r->len, (int)r->room);

	r->out = (size_t)n;
	return n >= 0;
}

static bool direct_lz4_crc(struct rig_request *r)
{
	if (!direct_lz4(r))
		return false;
	crc = libdeflate_crc32(0, r->dst, r->out);
	return true;
}

static void want_crc(unsigned i)
{
	crc = doca_compress_task_decompress_lz4_block_get_crc_cs(lz4_tasks[i]);
}

struct doca_compress *deflate_start(size_t len, unsigned workers)
{
	struct doca_compress_task_compress_deflate *t;
	struct doca_compress *c;

	rig_bufs(DEPTH, len, 2 * len);
	MUST(doca_compress_create(rig.dev, &c));
	MUST(doca_compress_task_compress_deflate_set_conf(c,
		DONE(doca_compress_task_compress_deflate),
		FAILED(doca_compress_task_compress_deflate), DEPTH));
	rig_start(doca_compress_as_ctx(c), workers);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_compress_task_compress_deflate_alloc_init(
			c, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_compress_task_compress_deflate_as_task(t);
	}
	return c;
}

void deflate_stop(struct doca_compress *c)
{
	rig_stop(doca_compress_as_ctx(c));
	MUST(doca_compress_destroy(c));
}

/* The sources become packed texts, kept in the last quarter of the memory. */
static void pack(size_t len, bool lz4)
{
	for (unsigned i = 0; i < rig.n; i++) {
		uint8_t *packed = rig.mem + rig.mem_len / 4 * 3 + i * 2 * len;
		size_t n = lz4 ? (size_t)LZ4_compress_default((char *)src_at(i), (char *)packed,
					 (int)len, (int)(2 * len))
			       : deflate_into(src_at(i), len, packed, 2 * len);

		MUST(doca_buf_inventory_buf_reuse_by_data(rig.srcs[i], packed, n));
		rig.requests[i].src = packed;
		rig.requests[i].len = n;
	}
}

static struct doca_compress *unpack_start(size_t len, bool lz4)
{
	struct doca_compress *c;

	rig_bufs(DEPTH, len, len);
	pack(len, lz4);
	MUST(doca_compress_create(rig.dev, &c));
	MUST(doca_compress_task_decompress_deflate_set_conf(c,
		DONE(doca_compress_task_decompress_deflate),
		FAILED(doca_compress_task_decompress_deflate), DEPTH));
	MUST(doca_compress_task_decompress_lz4_block_set_conf(c,
		DONE(doca_compress_task_decompress_lz4_block),
		FAILED(doca_compress_task_decompress_lz4_block), DEPTH));
	rig_start(doca_compress_as_ctx(c), 0);
	for (unsigned i = 0; i < rig.n; i++) {
		struct doca_compress_task_decompress_deflate *t;
		union doca_data user = {.u64 = i};

		if (lz4) {
			MUST(doca_compress_task_decompress_lz4_block_alloc_init(
				c, rig.srcs[i], rig.dsts[i], user, &lz4_tasks[i]));
			rig.tasks[i] =
				doca_compress_task_decompress_lz4_block_as_task(lz4_tasks[i]);
			continue;
		}
		MUST(doca_compress_task_decompress_deflate_alloc_init(
			c, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_compress_task_decompress_deflate_as_task(t);
	}
	return c;
}

void bench_compress(size_t len)
{
	struct doca_compress *c;

	if (rig_wants("deflate")) {
		c = deflate_start(len, 0);
		rig_report("deflate-1", len, direct_deflate, 0.97);
		deflate_stop(c);
	}
	if (rig_wants("inflate")) {
		inflater = libdeflate_alloc_decompressor();
		c = unpack_start(len, false);
		rig_report("inflate", len, direct_inflate, 0.97);
		deflate_stop(c);
		libdeflate_free_decompressor(inflater);
	}
	if (rig_wants("lz4")) {
		c = unpack_start(len, true);
		rig_report("lz4-block-decompress", len, direct_lz4, 0.97);
		deflate_stop(c);
	}
	if (rig_wants("crc32")) {
		c = unpack_start(len, true);
		rig.completed = want_crc;
		rig_report("crc32-of-lz4-block", len, direct_lz4_crc, 0.97);
		deflate_stop(c);
	}
}
