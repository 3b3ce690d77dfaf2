/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_error of the module `doca`: the older name of the sentence. */
#ifndef DOCA_COMPAT_ERROR_H_
#define DOCA_COMPAT_ERROR_H_

#include_next <doca_error.h>

#define doca_get_error_string(error) doca_error_get_descr(error)

#endif
