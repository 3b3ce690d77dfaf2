/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/bucket_simd.h"
#include "flow/conn_find_burst.h"

CONN_FIND_VARIANT(avx512, bkt_match_avx512)
