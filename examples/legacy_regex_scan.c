/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * legacy_regex_scan: a program of the work queue era (DOCA 1.x to 2.2): scan text with RegEx jobs, then
 * copy it with a DMA job, all in one work queue. Module `doca`.
 *
 * pkg-config: doca
 * run:
 * expect: rule 1 at 4, 13 bytes: GET /evil.exe
 * expect: rule 2 at 25, 11 bytes: 192.168.0.7
 * expect: group 1 only: 1 match
 * expect: copied: from GET /evil.exe
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_dma.h>
#include <doca_error.h>
#include <doca_mmap.h>
#include <doca_regex.h>

#define CHECK(call)                                                               \
	do {                                                                      \
		doca_error_t check_ = (call);                                     \
		if (check_ != DOCA_SUCCESS) {                                     \
			printf(#call ": %s\n", doca_get_error_string(check_));    \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

static const char rules[] = "1:1, /GET \\/[a-z]+\\.exe/\n"
			    "2:2, /\\b\\d+\\.\\d+\\.\\d+\\.\\d+\\b/\n";
static char text[64] = "src GET /evil.exe from = 192.168.0.7 ";
static char copy[64];

static void run_job(struct doca_workq *wq, const struct doca_job *job)
{
	struct doca_event event = {0};
	doca_error_t result;

	CHECK(doca_workq_submit(wq, job));
	while ((result = doca_workq_progress_retrieve(wq, &event, DOCA_WORKQ_RETRIEVE_FLAGS_NONE)) == DOCA_ERROR_AGAIN)
		;
	CHECK(result);
	CHECK((doca_error_t)event.result.u64);
}

static void scan(struct doca_workq *wq, struct doca_regex *regex, struct doca_buf *buf, uint16_t group)
{
	struct doca_regex_search_result found = {0};
	struct doca_regex_job_search job = {
		.base = {.type = DOCA_REGEX_JOB_SEARCH, .ctx = doca_regex_as_ctx(regex)},
		.rule_group_ids = {group},
		.buffer = buf,
		.result = &found,
	};

	run_job(wq, &job.base);
	if (group)
		printf("group %u only: %u match\n", group, found.num_matches);
	for (struct doca_regex_match *m = found.matches, *next; m; m = next) {
		next = m->next;
		if (!group)
			printf("rule %u at %u, %u bytes: %.*s\n", m->rule_id, m->match_start, m->length,
				(int)m->length, text + m->match_start);
		doca_regex_mempool_put_obj(found.matches_mempool, m);
	}
}

int main(void)
{
	struct doca_devinfo **list;
	struct doca_dev *dev;
	struct doca_regex *regex;
	struct doca_dma *dma;
	struct doca_workq *wq;
	struct doca_mmap *mmap, *mmap_copy;
	struct doca_buf_inventory *inventory;
	struct doca_buf *buf, *to;
	uint32_t n;

	CHECK(doca_devinfo_create_list(&list, &n));
	CHECK(doca_dev_open(list[0], &dev));
	CHECK(doca_devinfo_destroy_list(list));

	CHECK(doca_mmap_create(NULL, &mmap));
	CHECK(doca_mmap_dev_add(mmap, dev));
	CHECK(doca_mmap_set_memrange(mmap, text, sizeof(text)));
	CHECK(doca_mmap_start(mmap));
	CHECK(doca_mmap_create(NULL, &mmap_copy));
	CHECK(doca_mmap_dev_add(mmap_copy, dev));
	CHECK(doca_mmap_set_memrange(mmap_copy, copy, sizeof(copy)));
	CHECK(doca_mmap_set_permissions(mmap_copy, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE));
	CHECK(doca_mmap_start(mmap_copy));
	CHECK(doca_buf_inventory_create(NULL, 4, DOCA_BUF_EXTENSION_NONE, &inventory));
	CHECK(doca_buf_inventory_start(inventory));
	CHECK(doca_buf_inventory_buf_by_data(inventory, mmap, text, strlen(text), &buf));
	CHECK(doca_buf_inventory_buf_by_addr(inventory, mmap_copy, copy, sizeof(copy), &to));

	CHECK(doca_regex_create(&regex));
	CHECK(doca_ctx_dev_add(doca_regex_as_ctx(regex), dev));
	CHECK(doca_regex_set_hardware_compiled_rules(regex, rules, sizeof(rules) - 1));
	CHECK(doca_regex_set_workq_matches_memory_pool_size(regex, 128));
	CHECK(doca_ctx_start(doca_regex_as_ctx(regex)));
	CHECK(doca_dma_create(&dma));
	CHECK(doca_ctx_dev_add(doca_dma_as_ctx(dma), dev));
	CHECK(doca_ctx_start(doca_dma_as_ctx(dma)));
	CHECK(doca_workq_create(8, &wq));
	CHECK(doca_ctx_workq_add(doca_regex_as_ctx(regex), wq));
	CHECK(doca_ctx_workq_add(doca_dma_as_ctx(dma), wq));

	scan(wq, regex, buf, 0);
	scan(wq, regex, buf, 1);

	struct doca_dma_job_memcpy job = {
		.base = {.type = DOCA_DMA_JOB_MEMCPY, .ctx = doca_dma_as_ctx(dma)},
		.dst_buff = to,
		.src_buff = buf,
	};
	run_job(wq, &job.base);
	printf("copied: from%.14s\n", copy + 3);

	CHECK(doca_ctx_workq_rm(doca_dma_as_ctx(dma), wq));
	CHECK(doca_ctx_workq_rm(doca_regex_as_ctx(regex), wq));
	CHECK(doca_workq_destroy(wq));
	CHECK(doca_ctx_stop(doca_dma_as_ctx(dma)));
	CHECK(doca_ctx_stop(doca_regex_as_ctx(regex)));
	CHECK(doca_dma_destroy(dma));
	CHECK(doca_regex_destroy(regex));
	CHECK(doca_buf_dec_refcount(buf, NULL));
	CHECK(doca_buf_dec_refcount(to, NULL));
	CHECK(doca_buf_inventory_destroy(inventory));
	CHECK(doca_mmap_destroy(mmap));
	CHECK(doca_mmap_destroy(mmap_copy));
	CHECK(doca_dev_close(dev));
	return 0;
}
