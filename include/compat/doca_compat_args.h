/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_compat_args: choose by the number of arguments, so that the calls of several eras compile. */
#ifndef DOCA_COMPAT_ARGS_H_
#define DOCA_COMPAT_ARGS_H_

#define DOCA_COMPAT_PICK3(a, b, c, NAME, ...) NAME
#define DOCA_COMPAT_PICK5(a, b, c, d, e, NAME, ...) NAME
#define DOCA_COMPAT_PICK10(a, b, c, d, e, f, g, h, i, j, NAME, ...) NAME

#endif
