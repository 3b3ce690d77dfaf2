/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/exact_burst.h"

EXACT_FIND_VARIANT(generic, bkt_match, exact_pack_words, exact_hash, exact_same, exact_repeat_words)
