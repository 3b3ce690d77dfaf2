/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/bucket_simd.h"
#include "flow/exact_burst.h"

EXACT_VARIANT(avx2, bkt_match_avx2, exact_stage_words, exact_same, exact_repeat_words)
