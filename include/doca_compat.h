/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_compat: what the other headers need from the compiler.
 *
 * DOCA marks functions DOCA_STABLE or DOCA_EXPERIMENTAL and wants DOCA_ALLOW_EXPERIMENTAL_API for
 * the latter. softdpu keeps both marks as documentation; neither changes how a program compiles.
 * Programs also rely on DOCA headers for <inttypes.h>, <stdlib.h> and <string.h>.
 */
#ifndef DOCA_COMPAT_H_
#define DOCA_COMPAT_H_

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCA_STABLE
#define DOCA_EXPERIMENTAL

#if defined(__GNUC__) || defined(__clang__)
#define DOCA_PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define DOCA_UNUSED __attribute__((unused))
#define DOCA_DEPRECATED __attribute__((deprecated))
#else
#define DOCA_PRINTF_LIKE(fmt, args)
#define DOCA_UNUSED
#define DOCA_DEPRECATED
#endif

#endif
