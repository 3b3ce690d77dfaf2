/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_regex: many regular expressions over buffers, in one pass each. An extension of softdpu: DOCA had a
 * RegEx library up to 2.2 (F:2007-2028) and has none now. Types and names are those of 2.2, the tasks
 * are of today's kind; programs of the work queue era use the module `doca` (include/compat).
 *
 * Rules are text, one per line: `[GROUP:]ID, /PATTERN/FLAGS` (flags i, s, m; # comments). Patterns are PCRE
 * without back-references and lookaround. What the 2.2 calls "hardware compiled rules" is this text
 * here: rules compiled for the hardware engine are refused.
 *
 *     doca_regex_create_on_dev(dev, &regex);
 *     doca_regex_set_hardware_compiled_rules(regex, text, strlen(text));
 *     doca_regex_task_search_set_conf(regex, on_found, on_error, 16);
 *     ... connect, start ...
 *     doca_regex_task_search_alloc_init(regex, buf, NULL, &result, user_data, &task);
 *
 * A finished task has filled its result: matches in order of their ends, at most the maximum set; more set
 * DOCA_REGEX_STATUS_MAX_MATCH. Matches go back with doca_regex_mempool_put_obj() one by one, or all with
 * doca_regex_search_result_release().
 */
#ifndef DOCA_REGEX_H_
#define DOCA_REGEX_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_regex;
struct doca_regex_mempool;
struct doca_regex_task_search;
struct doca_task;

enum doca_regex_status_flag {
	DOCA_REGEX_STATUS_SEARCH_FAILED = 1 << 1,
	DOCA_REGEX_STATUS_MAX_MATCH = 1 << 2,
};

struct doca_regex_match {
	struct doca_regex_match *next; /* NULL ends the list */
	uint32_t match_start;          /* bytes from the start of the buffer's data */
	uint32_t rule_id;
	uint32_t length; /* bytes */
};

struct doca_regex_search_result {
	uint32_t detected_matches; /* found, whether kept or not */
	uint32_t num_matches;      /* in the list */
	struct doca_regex_match *matches;
	struct doca_regex_mempool *matches_mempool;
	uint64_t status_flags; /* enum doca_regex_status_flag */
};

doca_error_t doca_regex_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_regex_get_maximum_job_size(
	const struct doca_devinfo *devinfo, uint64_t *max_job_len);

doca_error_t doca_regex_create_on_dev(struct doca_dev *dev, struct doca_regex **regex);
doca_error_t doca_regex_destroy(struct doca_regex *regex);
struct doca_ctx *doca_regex_as_ctx(struct doca_regex *regex);

/* The rules' text is copied and compiled now; INVALID_VALUE names the line. Replaces earlier rules. Idle. */
doca_error_t doca_regex_set_hardware_compiled_rules(
	struct doca_regex *regex, const void *rules_data, size_t rules_data_len);
/* Matches kept per task (default 255), and matches all tasks together may hold (default 16384). Idle. */
doca_error_t doca_regex_set_max_matches(struct doca_regex *regex, uint32_t max_matches);
doca_error_t doca_regex_set_workq_matches_memory_pool_size(
	struct doca_regex *regex, uint32_t pool_size);
/* Buffers of any length are scanned whole: nothing overlaps. Accepted and ignored. */
doca_error_t doca_regex_set_huge_job_emulation_overlap_size(
	struct doca_regex *regex, uint16_t overlap_size);

typedef void (*doca_regex_task_search_completion_cb_t)(struct doca_regex_task_search *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_regex_task_search_set_conf(struct doca_regex *regex,
	doca_regex_task_search_completion_cb_t task_completion_cb,
	doca_regex_task_search_completion_cb_t task_error_cb, uint32_t num_tasks);
/* rule_group_ids: four group numbers, 0 = unused; NULL or all 0: every rule. */
doca_error_t doca_regex_task_search_alloc_init(struct doca_regex *regex,
	const struct doca_buf *buffer, const uint16_t *rule_group_ids,
	struct doca_regex_search_result *result, union doca_data user_data,
	struct doca_regex_task_search **task);
struct doca_task *doca_regex_task_search_as_task(struct doca_regex_task_search *task);
struct doca_regex_search_result *doca_regex_task_search_get_result(
	const struct doca_regex_task_search *task);

/* Give all matches of a result back. */
void doca_regex_search_result_release(struct doca_regex_search_result *result);

/* Fixed-size pool of objects; one thread takes, any gives back. */
doca_error_t doca_regex_mempool_create(
	size_t elem_size, size_t nb_elems, struct doca_regex_mempool **pool);
void doca_regex_mempool_destroy(struct doca_regex_mempool *pool);
void *doca_regex_mempool_get_obj(struct doca_regex_mempool *pool); /* NULL when empty */
void doca_regex_mempool_put_obj(struct doca_regex_mempool *pool, void *obj);

#ifdef __cplusplus
}
#endif
#endif
