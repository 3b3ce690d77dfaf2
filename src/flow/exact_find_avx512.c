/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/bucket_simd.h"
#include "flow/exact_burst.h"

/* Masks of one key line (all five-tuples are): mask the line and squeeze its words together in a register. The
 * store writes a whole line; what is beyond the key is overwritten by the next key or never read. */
static INLINE void pack_line(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr)
{
	if (likely(t->one_line)) {
		__m512i line = _mm512_loadu_si512(key->bytes + t->line_at);
		__m512i kept =
			_mm512_and_si512(line, _mm512_loadu_si512(t->mask.bytes + t->line_at));

		_mm512_storeu_si512(words, _mm512_maskz_compress_epi64(t->line_words, kept));
		return;
	}
	exact_pack_words(t, key, words, nr);
}

EXACT_FIND_VARIANT(avx512, bkt_match_avx512, pack_line)
