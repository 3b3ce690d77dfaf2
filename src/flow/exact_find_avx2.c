/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/bucket_simd.h"
#include "flow/exact_burst.h"

EXACT_FIND_VARIANT(avx2, bkt_match_avx2, exact_pack_words, exact_hash, exact_same, exact_repeat_words)
