/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/conn_find_burst.h"

CONN_FIND_VARIANT(generic, bkt_match)
