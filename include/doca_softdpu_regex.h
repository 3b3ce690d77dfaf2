/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_softdpu_regex: texts that come in pieces, which the searches of DOCA 2.2 do not know. softdpu only.
 *
 *     doca_softdpu_regex_stream_open(regex, &stream);          the context runs
 *     doca_regex_task_search_alloc_init(regex, piece, NULL, &result, data, &task);
 *     doca_softdpu_regex_task_search_set_stream(task, stream, is_last);
 *     doca_task_submit(doca_regex_task_search_as_task(task));   pieces in order
 *
 * match_start counts from the beginning of the stream, which may have 4 GiB. A match that goes on in the next
 * piece is told with this piece and again, longer, with the next; what depends on the end of the text is told
 * with the last piece, after which the stream begins anew. Flows of one rule set have a stream each.
 *
 * A stream belongs to its context, is closed before that stops, and needs one with at most one worker: pieces
 * are scanned in the order of their submission.
 */
#ifndef DOCA_SOFTDPU_REGEX_H_
#define DOCA_SOFTDPU_REGEX_H_

#include "doca_regex.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_softdpu_regex_stream;

/* INVALID_VALUE: a rule cannot be scanned in pieces; the refusal names its line. BAD_STATE: the context does not
 * run, or has several workers. */
doca_error_t doca_softdpu_regex_stream_open(
	struct doca_regex *regex, struct doca_softdpu_regex_stream **stream);
/* IN_USE while tasks are in flight. NULL is fine. */
doca_error_t doca_softdpu_regex_stream_close(struct doca_softdpu_regex_stream *stream);
/* NULL: the task searches its buffer alone, as before. */
doca_error_t doca_softdpu_regex_task_search_set_stream(struct doca_regex_task_search *task,
	struct doca_softdpu_regex_stream *stream, uint8_t is_last);

#ifdef __cplusplus
}
#endif
#endif
