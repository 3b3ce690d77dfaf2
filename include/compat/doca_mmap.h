/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_mmap of the module `doca`: doca_mmap_create(NULL, &mmap) and the older names. */
#ifndef DOCA_COMPAT_MMAP_H_
#define DOCA_COMPAT_MMAP_H_

#include_next <doca_mmap.h>

#include "doca_compat_workq.h"

#define DOCA_COMPAT_MMAP_1(mmap) (doca_mmap_create)(mmap)
#define DOCA_COMPAT_MMAP_2(user_data, mmap) (doca_mmap_create)(mmap)
#define doca_mmap_create(...) \
	DOCA_COMPAT_PICK3(__VA_ARGS__, , DOCA_COMPAT_MMAP_2, DOCA_COMPAT_MMAP_1)(__VA_ARGS__)
#define doca_mmap_dev_add(mmap, dev) doca_mmap_add_dev(mmap, dev)
#define doca_mmap_dev_rm(mmap, dev) doca_mmap_rm_dev(mmap, dev)
#define doca_mmap_export_dpu(mmap, dev, desc, len) doca_mmap_export_pci(mmap, dev, desc, len)

#endif
