/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base64: bytes as text for JSON (RFC 4648 section 4, with padding, one line).
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/base.h"

/* malloc'ed, NUL-terminated; NULL when memory is short. */
char *base64_encode(const void *bytes, size_t n);

/* malloc'ed, *len bytes (and a NUL behind them). NULL with a refusal when it is no base64: strict, so
 * no blanks, no missing padding, no bits set that no byte takes. */
uint8_t *base64_decode(const char *text, size_t *len);

#endif
