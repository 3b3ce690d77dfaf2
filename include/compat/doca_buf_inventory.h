/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_buf_inventory of the module `doca`: four-argument create and the older names. */
#ifndef DOCA_COMPAT_BUF_INVENTORY_H_
#define DOCA_COMPAT_BUF_INVENTORY_H_

#include_next <doca_buf_inventory.h>

#include "doca_compat_workq.h"

#define DOCA_BUF_EXTENSION_NONE 0
#define DOCA_COMPAT_INVENTORY_2(n, inventory) (doca_buf_inventory_create)(n, inventory)
#define DOCA_COMPAT_INVENTORY_4(name, n, extensions, inventory) (doca_buf_inventory_create)(n, inventory)
#define doca_buf_inventory_create(...)                                                             \
	DOCA_COMPAT_PICK5(__VA_ARGS__, , DOCA_COMPAT_INVENTORY_4, , DOCA_COMPAT_INVENTORY_2, )(__VA_ARGS__)
#define doca_buf_inventory_buf_by_addr(inventory, mmap, addr, len, buf) \
	doca_buf_inventory_buf_get_by_addr(inventory, mmap, addr, len, buf)
#define doca_buf_inventory_buf_by_data(inventory, mmap, data, len, buf) \
	doca_buf_inventory_buf_get_by_data(inventory, mmap, data, len, buf)

#endif
