/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_regex of the module `doca`: created without a device, driven by jobs, as in DOCA 2.2. */
#ifndef DOCA_COMPAT_REGEX_H_
#define DOCA_COMPAT_REGEX_H_

#include_next <doca_regex.h>

#include <doca_ctx.h>

#define doca_regex_create(regex) doca_compat_regex_create(regex)
#define doca_regex_destroy(regex) doca_compat_regex_destroy(regex)

#endif
