/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alloc: the n-th allocation of this thread fails, in shared libraries too (tests/unit/alloc_fail.h reaches only our own objects).
 * The program's malloc stands for everybody's; a sanitizer has that place already, so there alloc_can_fail is false.
 */
#ifndef TESTS_CONFORMANCE_ERRORS_ALLOC_H
#define TESTS_CONFORMANCE_ERRORS_ALLOC_H

#include <stdbool.h>

extern const bool alloc_can_fail;

/* Count from now on; the n-th allocation or anonymous mapping (from 1) fails, later ones succeed. */
void alloc_fail(unsigned n);
/* Stop counting. True if one was made to fail. */
bool alloc_failed(void);
/* While true, no anonymous mapping of this thread succeeds. */
void alloc_no_maps(bool none);

#endif
