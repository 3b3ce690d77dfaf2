/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alloc_fail: make the n-th allocation of the code under test fail. Link alloc_fail.c and pass
 * alloc_fail_link_args; only calls from our own objects are caught, not those inside shared libraries.
 *
 *     for (unsigned n = 1; ; n++) {
 *             alloc_fail_at(n);
 *             err = thing();
 *             if (!alloc_fail_stop())
 *                     break;                  it never came to the n-th: all have been tried
 *             assert_int_equal(err, -ENOMEM);
 *     }
 */
#ifndef TESTS_ALLOC_FAIL_H
#define TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

/* Count from now on; the n-th allocation (from 1) fails, later ones succeed. */
void alloc_fail_at(unsigned n);

/* Stop counting. True if an allocation was made to fail. */
bool alloc_fail_stop(void);

/* The hooks themselves, for libraries that take allocation functions (json_set_alloc_funcs). */
void *alloc_fail_malloc(size_t size);

#endif
