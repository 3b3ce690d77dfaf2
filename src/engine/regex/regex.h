/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regex: a set of rules compiled to one Hyperscan database; one pass over a text finds all of them.
 *
 * Rules are text, one per line:  [GROUP:]ID, /PATTERN/FLAGS      flags: i caseless, s dot-all, m multi-line
 * Empty lines and lines that begin with # are skipped. PATTERN is PCRE without back-references and
 * lookaround (Hyperscan's subset). Bounded repeats written out may come to 5000 positions in a rule and to 100000 in
 * all, so that a short hostile file does not compile for minutes; those of a repeated group with {m,n} in it count
 * four times. Compiled rules are immutable: any thread may scan.
 */
#ifndef ENGINE_REGEX_REGEX_H
#define ENGINE_REGEX_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct regex_rules;

/* 0; -EINVAL with "line N: ..." in err; -ENOMEM. */
int regex_compile(
	const char *text, size_t len, struct regex_rules **rules, char *err, size_t err_size);
void regex_destroy(struct regex_rules *rules);

/* Return nonzero to end the scan. Of matches of one rule with one start only the longest is told, except
 * that other rules' matches may come between. */
typedef int (*regex_match_fn)(void *arg, uint32_t id, uint64_t start, uint64_t length);

/* Rules of these groups only; n_groups 0: all. 0, or -EIO. */
int regex_scan(const struct regex_rules *rules, const uint16_t *groups, unsigned n_groups,
	const void *text, size_t len, regex_match_fn fn, void *arg);

/*
 * A text in pieces. Starts count from the beginning of the stream. A match that goes on in the next piece is told
 * at the end of this one and again, longer; what depends on the end of the text ($) is told with the last piece,
 * after which the stream begins anew. A stream is one thread's at a time.
 */
struct regex_stream;
/* Rules that need more state than Hyperscan keeps for a stream: -EINVAL and which. The first one compiles them. */
int regex_stream_open(
	struct regex_rules *rules, struct regex_stream **stream, char *err, size_t err_size);
int regex_stream_scan(struct regex_stream *stream, const uint16_t *groups, unsigned n_groups,
	const void *text, size_t len, bool last, regex_match_fn fn, void *arg);
void regex_stream_close(struct regex_stream *stream);

#endif
