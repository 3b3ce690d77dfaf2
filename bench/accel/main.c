/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-accel: what a task costs, and how near the accelerator libraries come to the engines called
 * directly. One JSON line per case:
 *
 *     {"bench":"accel","case":"sha256","bytes":4096,"ours":3.1,"direct":3.2,"unit":"GB/s","ratio":0.98,"must":0.97,"reached":true}
 *
 * usage: bench-accel [CASE-PREFIX]   cases: task dma peer deflate inflate lz4 crc32 sha256 aes-gcm ec
 * regex scale
 */
#include "rig.h"

int main(int argc, char **argv)
{
	static const size_t sizes[] = {4096, 65536};

	rig_open(argc > 1 ? argv[1] : NULL);
	bench_task();
	bench_dma();
	bench_peer();
	for (int i = 0; i < 2; i++) {
		bench_compress(sizes[i]);
		bench_sha(sizes[i]);
		bench_gcm(sizes[i]);
		bench_ec(sizes[i]);
	}
	bench_regex();
	bench_scale();
	printf("{\"bench\":\"accel\",\"rows_short\":%u}\n", rig_short());
	return 0;
}
