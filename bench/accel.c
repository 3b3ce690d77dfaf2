/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accel: what a task costs, and how near the accelerator libraries come to the engines called directly.
 * Each case alternates rounds of both and reports the medians, one JSON line:
 *
 *     {"bench":"accel","case":"sha256","bytes":4096,"ours":3.1,"direct":3.2,"unit":"GB/s","ratio":0.97}
 *
 * "direct" is the best way to call that library one text at a time; sha256-mb and aes-gcm compare 32 tasks
 * in flight with single-shot OpenSSL as well. usage: bench-accel [CASE-PREFIX]
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <intel-ipsec-mb.h>
#include <isa-l/erasure_code.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <lz4.h>
#include <openssl/evp.h>

#include <doca_aes_gcm.h>
#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_compress.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_dma.h>
#include <doca_erasure_coding.h>
#include <doca_mmap.h>
#include <doca_pe.h>
#include <doca_sha.h>
#include <doca_softdpu.h>
#include <doca_sync_event.h>

#include "base/clock.h"

#define DEPTH 32
#define ROUNDS 7
#define ROUND_NS (60 * NS_PER_MS)
#define MUST(call)                                                                    \
	do {                                                                          \
		doca_error_t r_ = (call);                                             \
		if (r_ != DOCA_SUCCESS) {                                             \
			fprintf(stderr, "%s: %s\n", #call, doca_error_get_descr(r_)); \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

static struct doca_dev *dev;
static struct doca_pe *pe;
static struct doca_mmap *mmap_;
static struct doca_buf_inventory *inv;
static uint8_t *mem;
static size_t mem_len;
static const char *only;

static struct doca_task *tasks[DEPTH];
static struct doca_buf *srcs[DEPTH], *dsts[DEPTH];
static unsigned n_tasks;
static uint64_t done;
static bool stopping;

/* ---- the loop of tasks: a completed task is submitted again ---- */

static void on_done(void *task, union doca_data user, union doca_data ctx)
{
	done++;
	doca_buf_reset_data_len(dsts[user.u64]);
	if (!stopping)
		MUST(doca_task_submit(tasks[user.u64]));
}

static void on_error(void *task, union doca_data user, union doca_data ctx)
{
	fprintf(stderr, "task failed: %s: %s\n",
		doca_error_get_name(doca_task_get_status(tasks[user.u64])),
		doca_softdpu_last_refusal());
	exit(1);
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_done)
#define EB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_error)

/* Tasks per second with n_tasks in flight. */
static double run_tasks(bool sleep_between)
{
	uint64_t start, end, until;
	doca_event_handle_t handle;

	MUST(doca_pe_get_notification_handle(pe, &handle));
	stopping = false;
	done = 0;
	start = clock_now_ns();
	until = start + ROUND_NS;
	for (unsigned i = 0; i < n_tasks; i++)
		MUST(doca_task_submit(tasks[i]));
	while (clock_now_ns() < until)
		for (int i = 0; i < 16; i++) {
			if (doca_pe_progress(pe) || !sleep_between)
				continue;
			struct epoll_event e;

			MUST(doca_pe_request_notification(pe));
			epoll_wait(handle, &e, 1, 100);
			MUST(doca_pe_clear_notification(pe, 0));
		}
	end = clock_now_ns();
	stopping = true;
	uint64_t finished = done;

	for (uint64_t all = done; all < finished + n_tasks; all = done)
		doca_pe_progress(pe);
	return (double)finished * 1e9 / (double)(end - start);
}

static double run_direct(void (*op)(unsigned i))
{
	uint64_t start = clock_now_ns(), until = start + ROUND_NS, n = 0, now;

	do {
		for (unsigned i = 0; i < 8; i++)
			op((unsigned)(n++ % DEPTH));
		now = clock_now_ns();
	} while (now < until);
	return (double)n * 1e9 / (double)(now - start);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2];
}

static void report(const char *name, size_t bytes, void (*direct)(unsigned))
{
	double ours[ROUNDS], theirs[ROUNDS], a, b;

	run_tasks(false);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = run_tasks(false) * (double)bytes / 1e9;
		theirs[i] = run_direct(direct) * (double)bytes / 1e9;
	}
	a = median(ours);
	b = median(theirs);
	printf("{\"bench\":\"accel\",\"case\":\"%s\",\"bytes\":%zu,\"ours\":%.3f,\"direct\":%.3f,"
	       "\"unit\":\"GB/s\",\"ratio\":%.3f}\n",
		name, bytes, a, b, a / b);
	fflush(stdout);
}

/* ---- set-up ---- */

static bool wanted(const char *name)
{
	return !only || !strncmp(name, only, strlen(only));
}

static size_t at_src(unsigned i, size_t size)
{
	return (size_t)i * size;
}

static size_t dst_base;

static void make_bufs(size_t src, size_t dst, size_t dst_room)
{
	dst_base = mem_len / 2;
	for (unsigned i = 0; i < n_tasks; i++) {
		MUST(doca_buf_inventory_buf_get_by_data(
			inv, mmap_, mem + at_src(i, src), src, &srcs[i]));
		MUST(doca_buf_inventory_buf_get_by_addr(
			inv, mmap_, mem + dst_base + i * dst, dst_room, &dsts[i]));
	}
}

static void drop_bufs(void)
{
	for (unsigned i = 0; i < n_tasks; i++) {
		doca_task_free(tasks[i]);
		doca_buf_dec_refcount(srcs[i], NULL);
		doca_buf_dec_refcount(dsts[i], NULL);
	}
}

static void start(struct doca_ctx *ctx, unsigned workers)
{
	MUST(doca_softdpu_ctx_set_workers(ctx, workers));
	MUST(doca_pe_connect_ctx(pe, ctx));
	MUST(doca_ctx_start(ctx));
}

static void stop(struct doca_ctx *ctx)
{
	drop_bufs();
	MUST(doca_ctx_stop(ctx));
}

/* Binary-ish data that compresses about 2.6 times: words from a skewed vocabulary. */
static void fill(void)
{
	static char words[512][12];
	uint64_t x = 88172645463325252ull;

	for (int w = 0; w < 512; w++)
		for (int i = 0; i < 12; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			words[w][i] = (char)(x % 96 + 32);
		}
	for (size_t at = 0; at + 16 < mem_len;) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		size_t n = 3 + x % 9;

		memcpy(mem + at, words[(x >> 8) % 512 * ((x >> 20) % 4 ? 1 : 0) + (x >> 30) % 64],
			n);
		at += n;
		mem[at++] = (uint8_t)(x >> 40);
	}
}

/* ---- cases ---- */

static void task_overhead(void)
{
	struct doca_sync_event *se;
	struct doca_sync_event_task_notify_set *t;
	double rate[ROUNDS];
	static uint64_t lat[200000];
	size_t n = 0;

	if (!wanted("task"))
		return;
	n_tasks = DEPTH;
	make_bufs(64, 64, 64);
	MUST(doca_sync_event_create(&se));
	MUST(doca_sync_event_add_publisher_location_cpu(se, dev));
	MUST(doca_sync_event_add_subscriber_location_cpu(se, dev));
	MUST(doca_sync_event_task_notify_set_set_conf(se, CB(doca_sync_event_task_notify_set),
		EB(doca_sync_event_task_notify_set), DEPTH));
	MUST(doca_pe_connect_ctx(pe, doca_sync_event_as_ctx(se)));
	MUST(doca_ctx_start(doca_sync_event_as_ctx(se)));
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_sync_event_task_notify_set_alloc_init(se, i, user, &t));
		tasks[i] = doca_sync_event_task_notify_set_as_doca_task(t);
	}
	for (int i = 0; i < ROUNDS; i++)
		rate[i] = run_tasks(false) / 1e6;
	stopping = true;
	for (n = 0; n < 200000; n++) {
		uint64_t a = __builtin_ia32_rdtsc();

		doca_task_submit(tasks[0]);
		while (!doca_pe_progress(pe))
			;
		lat[n] = __builtin_ia32_rdtsc() - a;
	}
	uint64_t t0 = clock_now_ns(), c0 = __builtin_ia32_rdtsc();

	usleep(20000);
	double per_ns = (double)(__builtin_ia32_rdtsc() - c0) / (double)(clock_now_ns() - t0);
	uint64_t sum[2048] = {0}, half = 0, p50 = 0;

	for (n = 0; n < 200000; n++)
		sum[lat[n] < 2048 ? lat[n] : 2047]++;
	while (half < 100000)
		half += sum[p50++];
	printf("{\"bench\":\"accel\",\"case\":\"task\",\"mtasks_per_s\":%.2f,\"p50_ns\":%.0f}\n",
		median(rate), (double)p50 / per_ns);
	drop_bufs();
	MUST(doca_ctx_stop(doca_sync_event_as_ctx(se)));
	MUST(doca_sync_event_destroy(se));
}

static size_t op_len;

static void direct_memcpy(unsigned i)
{
	memcpy(mem + dst_base + (i % n_tasks) * op_len, mem + (i % n_tasks) * op_len, op_len);
	__asm__ volatile("" ::: "memory");
}

static void dma(size_t len, unsigned depth)
{
	struct doca_dma_task_memcpy *t;
	struct doca_dma *d;

	if (!wanted("dma"))
		return;
	n_tasks = depth;
	op_len = len;
	make_bufs(len, len, len);
	MUST(doca_dma_create(dev, &d));
	MUST(doca_dma_task_memcpy_set_conf(
		d, CB(doca_dma_task_memcpy), EB(doca_dma_task_memcpy), DEPTH));
	start(doca_dma_as_ctx(d), 0);
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_dma_task_memcpy_alloc_init(d, srcs[i], dsts[i], user, &t));
		tasks[i] = doca_dma_task_memcpy_as_task(t);
	}
	report("dma", len, direct_memcpy);
	stop(doca_dma_as_ctx(d));
	MUST(doca_dma_destroy(d));
}

static void openssl_sha256(unsigned i)
{
	unsigned n;

	EVP_Digest(
		mem + at_src(i, op_len), op_len, mem + dst_base + i * 64, &n, EVP_sha256(), NULL);
}

static void sha(size_t len)
{
	struct doca_sha_task_hash *t;
	struct doca_sha *s;

	if (!wanted("sha256"))
		return;
	n_tasks = DEPTH;
	op_len = len;
	make_bufs(len, 64, 64);
	MUST(doca_sha_create(dev, &s));
	MUST(doca_sha_task_hash_set_conf(s, CB(doca_sha_task_hash), EB(doca_sha_task_hash), 5));
	start(doca_sha_as_ctx(s), 0);
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_sha_task_hash_alloc_init(
			s, DOCA_SHA_ALGORITHM_SHA256, srcs[i], dsts[i], user, &t));
		tasks[i] = doca_sha_task_hash_as_task(t);
	}
	report("sha256-vs-openssl", len, openssl_sha256);
	stop(doca_sha_as_ctx(s));
	MUST(doca_sha_destroy(s));
}

static EVP_CIPHER_CTX *evp;
static IMB_MGR *mb;
static struct gcm_key_data *mb_key;
static const uint8_t raw_key[32] = {1, 2, 3}, iv[12] = {4, 5};

static void openssl_gcm(unsigned i)
{
	uint8_t *out = mem + dst_base + i * (op_len + 64);
	int n;

	EVP_EncryptInit_ex(evp, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(evp, out, &n, mem + at_src(i, op_len), (int)op_len);
	EVP_EncryptFinal_ex(evp, out + n, &n);
	EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, 16, out + op_len);
}

static void mb_gcm(unsigned i)
{
	uint8_t *out = mem + dst_base + i * (op_len + 64);
	struct gcm_context_data ctx;

	IMB_AES256_GCM_ENC(mb, mb_key, &ctx, out, mem + at_src(i, op_len), op_len, iv, NULL, 0,
		out + op_len, 16);
}

static struct doca_aes_gcm *start_gcm(size_t len, unsigned workers, struct doca_aes_gcm_key **key)
{
	struct doca_aes_gcm_task_encrypt *t;
	struct doca_aes_gcm *g;

	n_tasks = DEPTH;
	op_len = len;
	make_bufs(len, len + 64, len + 64);
	MUST(doca_aes_gcm_create(dev, &g));
	MUST(doca_aes_gcm_task_encrypt_set_conf(
		g, CB(doca_aes_gcm_task_encrypt), EB(doca_aes_gcm_task_encrypt), DEPTH));
	start(doca_aes_gcm_as_ctx(g), workers);
	MUST(doca_aes_gcm_key_create(g, raw_key, DOCA_AES_GCM_KEY_256, key));
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_aes_gcm_task_encrypt_alloc_init(
			g, srcs[i], dsts[i], *key, iv, 12, 16, 0, user, &t));
		tasks[i] = doca_aes_gcm_task_encrypt_as_task(t);
	}
	return g;
}

static void end_gcm(struct doca_aes_gcm *g, struct doca_aes_gcm_key *key)
{
	stop(doca_aes_gcm_as_ctx(g));
	MUST(doca_aes_gcm_key_destroy(key));
	MUST(doca_aes_gcm_destroy(g));
}

static void gcm(size_t len)
{
	struct doca_aes_gcm_key *key;
	struct doca_aes_gcm *g;
	IMB_ARCH arch;

	if (!wanted("aes-gcm"))
		return;
	evp = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(evp, EVP_aes_256_gcm(), NULL, raw_key, iv);
	mb = alloc_mb_mgr(0);
	init_mb_mgr_auto(mb, &arch);
	mb_key = aligned_alloc(64, 4096);
	IMB_AES256_GCM_PRE(mb, raw_key, mb_key);
	g = start_gcm(len, 0, &key);
	report("aes-gcm-256", len, mb_gcm);
	report("aes-gcm-256-vs-openssl", len, openssl_gcm);
	end_gcm(g, key);
	EVP_CIPHER_CTX_free(evp);
	free_mb_mgr(mb);
	free(mb_key);
}

static struct isal_zstream zs;
static uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
static struct libdeflate_decompressor *inflater;
static size_t packed[DEPTH];

static void isal_deflate_one(unsigned i)
{
	isal_deflate_stateless_init(&zs);
	zs.level = 1;
	zs.level_buf = level_buf;
	zs.level_buf_size = sizeof(level_buf);
	zs.next_in = mem + at_src(i, op_len);
	zs.avail_in = (uint32_t)op_len;
	zs.next_out = mem + dst_base + i * 2 * op_len;
	zs.avail_out = (uint32_t)(2 * op_len);
	zs.end_of_stream = 1;
	isal_deflate_stateless(&zs);
	packed[i] = zs.total_out;
}

static void direct_inflate(unsigned i)
{
	libdeflate_deflate_decompress(inflater, mem + dst_base + i * 2 * op_len, packed[i],
		mem + dst_base / 2 + i * op_len, op_len, NULL);
}

static struct doca_compress *start_compress(size_t len, unsigned workers)
{
	struct doca_compress_task_compress_deflate *t;
	struct doca_compress *c;

	n_tasks = DEPTH;
	op_len = len;
	make_bufs(len, 2 * len, 2 * len);
	MUST(doca_compress_create(dev, &c));
	MUST(doca_compress_task_compress_deflate_set_conf(c,
		CB(doca_compress_task_compress_deflate), EB(doca_compress_task_compress_deflate),
		DEPTH));
	MUST(doca_compress_task_decompress_deflate_set_conf(c,
		CB(doca_compress_task_decompress_deflate),
		EB(doca_compress_task_decompress_deflate), DEPTH));
	MUST(doca_compress_task_decompress_lz4_block_set_conf(c,
		CB(doca_compress_task_decompress_lz4_block),
		EB(doca_compress_task_decompress_lz4_block), DEPTH));
	start(doca_compress_as_ctx(c), workers);
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_compress_task_compress_deflate_alloc_init(c, srcs[i], dsts[i], user, &t));
		tasks[i] = doca_compress_task_compress_deflate_as_task(t);
	}
	return c;
}

static void deflate(size_t len)
{
	struct doca_compress *c;

	if (!wanted("deflate"))
		return;
	c = start_compress(len, 0);
	report("deflate-1", len, isal_deflate_one);
	stop(doca_compress_as_ctx(c));
	MUST(doca_compress_destroy(c));
}

static void direct_lz4(unsigned i)
{
	LZ4_decompress_safe((char *)mem + dst_base + i * 2 * op_len,
		(char *)mem + dst_base / 2 + i * op_len, (int)packed[i], (int)op_len);
}

static void unpack(size_t len, bool lz4)
{
	struct doca_compress *c;

	if (!wanted(lz4 ? "lz4" : "inflate"))
		return;
	c = start_compress(len, 0);
	drop_bufs();
	inflater = libdeflate_alloc_decompressor();
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		if (lz4)
			packed[i] = (size_t)LZ4_compress_default((char *)mem + at_src(i, len),
				(char *)mem + dst_base + i * 2 * len, (int)len, (int)(2 * len));
		else
			isal_deflate_one(i);
		MUST(doca_buf_inventory_buf_get_by_data(
			inv, mmap_, mem + dst_base + i * 2 * len, packed[i], &srcs[i]));
		MUST(doca_buf_inventory_buf_get_by_addr(
			inv, mmap_, mem + dst_base / 2 + i * len, len, &dsts[i]));
		if (lz4) {
			struct doca_compress_task_decompress_lz4_block *t;

			MUST(doca_compress_task_decompress_lz4_block_alloc_init(
				c, srcs[i], dsts[i], user, &t));
			tasks[i] = doca_compress_task_decompress_lz4_block_as_task(t);
		} else {
			struct doca_compress_task_decompress_deflate *t;

			MUST(doca_compress_task_decompress_deflate_alloc_init(
				c, srcs[i], dsts[i], user, &t));
			tasks[i] = doca_compress_task_decompress_deflate_as_task(t);
		}
	}
	report(lz4 ? "lz4-block-decompress" : "inflate", len, lz4 ? direct_lz4 : direct_inflate);
	stop(doca_compress_as_ctx(c));
	MUST(doca_compress_destroy(c));
	libdeflate_free_decompressor(inflater);
}

static unsigned ec_k, ec_m;
static uint8_t ec_gf[32 * 255];

static void direct_ec(unsigned i)
{
	uint8_t *in[32], *out[8];

	for (unsigned b = 0; b < ec_k; b++)
		in[b] = mem + (size_t)i * ec_k * op_len + b * op_len;
	for (unsigned b = 0; b < ec_m; b++)
		out[b] = mem + dst_base + (size_t)i * ec_m * op_len + b * op_len;
	ec_encode_data((int)op_len, (int)ec_k, (int)ec_m, ec_gf, in, out);
}

static void ec(unsigned k, unsigned m, size_t block)
{
	struct doca_ec_task_create *t;
	struct doca_ec_matrix *matrix;
	struct doca_ec *e;
	uint8_t full[16 * 16];
	char name[32];

	if (!wanted("ec"))
		return;
	n_tasks = DEPTH;
	op_len = block;
	ec_k = k;
	ec_m = m;
	gf_gen_cauchy1_matrix(full, (int)(k + m), (int)k);
	ec_init_tables((int)k, (int)m, full + k * k, ec_gf);
	make_bufs(k * block, m * block, m * block);
	MUST(doca_ec_create(dev, &e));
	MUST(doca_ec_task_create_set_conf(
		e, CB(doca_ec_task_create), EB(doca_ec_task_create), DEPTH));
	start(doca_ec_as_ctx(e), 0);
	MUST(doca_ec_matrix_create(e, DOCA_EC_MATRIX_TYPE_CAUCHY, k, m, &matrix));
	for (unsigned i = 0; i < n_tasks; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_ec_task_create_allocate_init(e, matrix, srcs[i], dsts[i], user, &t));
		tasks[i] = doca_ec_task_create_as_task(t);
	}
	snprintf(name, sizeof(name), "ec-%u+%u-block-%zu", k, m, block);
	report(name, k * block, direct_ec);
	stop(doca_ec_as_ctx(e));
	MUST(doca_ec_matrix_destroy(matrix));
	MUST(doca_ec_destroy(e));
}

/* From one worker to two, with the program asleep between completions. */
static void scaling(const char *name, size_t len)
{
	double rate[2];

	if (!wanted("scale"))
		return;
	for (unsigned w = 1; w <= 2; w++) {
		double v[ROUNDS];
		bool is_gcm = name[0] == 'a';
		struct doca_aes_gcm_key *key;
		struct doca_aes_gcm *g = is_gcm ? start_gcm(len, w, &key) : NULL;
		struct doca_compress *c = is_gcm ? NULL : start_compress(len, w);

		run_tasks(true);
		for (int i = 0; i < ROUNDS; i++)
			v[i] = run_tasks(true) * (double)len / 1e9;
		rate[w - 1] = median(v);
		if (is_gcm) {
			end_gcm(g, key);
		} else {
			stop(doca_compress_as_ctx(c));
			MUST(doca_compress_destroy(c));
		}
	}
	printf("{\"bench\":\"accel\",\"case\":\"scale-%s\",\"bytes\":%zu,\"one_worker\":%.3f,\"two_"
	       "workers\":%.3f,"
	       "\"unit\":\"GB/s\",\"ratio\":%.2f}\n",
		name, len, rate[0], rate[1], rate[1] / rate[0]);
	fflush(stdout);
}

static void open_all(void)
{
	struct doca_devinfo **list;
	cpu_set_t all;
	uint32_t n;

	CPU_ZERO(&all);
	for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		CPU_SET(i, &all);
	sched_setaffinity(0, sizeof(all), &all); /* run.sh pins to one core: workers need theirs */
	MUST(doca_devinfo_create_list(&list, &n));
	MUST(doca_dev_open(list[0], &dev));
	MUST(doca_devinfo_destroy_list(list));
	MUST(doca_pe_create(&pe));
	mem_len = 512u << 20;
	mem = aligned_alloc(2 << 20, mem_len);
	fill();
	MUST(doca_mmap_create(&mmap_));
	MUST(doca_mmap_set_memrange(mmap_, mem, mem_len));
	MUST(doca_mmap_add_dev(mmap_, dev));
	MUST(doca_mmap_start(mmap_));
	MUST(doca_buf_inventory_create(4 * DEPTH, &inv));
	MUST(doca_buf_inventory_start(inv));
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {4096, 65536};

	only = argc > 1 ? argv[1] : NULL;
	open_all();
	task_overhead();
	dma(64, DEPTH);
	dma(4096, DEPTH);
	dma(1 << 20, 4);
	dma(256u << 20, 1);
	for (int i = 0; i < 2; i++) {
		deflate(sizes[i]);
		unpack(sizes[i], false);
		unpack(sizes[i], true);
		sha(sizes[i] -
			(i ? 64
			   : 0)); /* 65472: the longest text intel-ipsec-mb takes is below 64 KiB */
		gcm(sizes[i]);
		ec(4, 2, sizes[i]);
		ec(10, 4, sizes[i]);
	}
	sha(65536);
	scaling("deflate", 65536);
	scaling("aes-gcm", 65536);
	return 0;
}
