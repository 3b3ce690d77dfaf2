/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse: every refusal has a reason. A function that cannot do what it was asked returns
 *
 *     return refuse(EINVAL, "pipe '%s': nr_entries %u is over the limit of %u", name, n, max);
 *
 * The sentence names the object, the field, the value, the limit, and the nearest legal form where
 * there is one. It is kept per thread until the next refusal; doors and tools print it with
 * refusal(). refuse_more() puts a prefix in front while unwinding ("card.yaml: ...").
 * Not for the burst path: packets have drop reasons (drop.h).
 */
#ifndef BASE_REFUSE_H
#define BASE_REFUSE_H

/* Remember the sentence; return -errnum. errnum is positive (EINVAL). */
int refuse(int errnum, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same function, in a form that lets compilers and analyzers see what it returns: without it each
 * caller's out parameters look unset on a path that cannot happen. */
#define refuse(errnum, ...)                            \
	({                                             \
		int refuse_errnum_ = (errnum);         \
                                                       \
		(refuse)(refuse_errnum_, __VA_ARGS__); \
		-refuse_errnum_;                       \
	})

/* Put "prefix: " in front of the present sentence and return err unchanged (err is negative). */
int refuse_more(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The last sentence of this thread, "" if none. Borrowed; valid until the next refusal here. */
const char *refusal(void);

/* Forget it (a door does this on entry, so an old reason never explains a new error). */
void refusal_clear(void);

#endif
