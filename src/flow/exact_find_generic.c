/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/exact_burst.h"

EXACT_VARIANT(generic, bkt_match, exact_stage_words, exact_same, exact_repeat_words)
