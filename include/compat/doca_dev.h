/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_dev of the module `doca`: the older names of the lists. */
#ifndef DOCA_COMPAT_DEV_H_
#define DOCA_COMPAT_DEV_H_

#include_next <doca_dev.h>

#define doca_devinfo_list_create(list, n) doca_devinfo_create_list(list, n)
#define doca_devinfo_list_destroy(list) doca_devinfo_destroy_list(list)

#endif
