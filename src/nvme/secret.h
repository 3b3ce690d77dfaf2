/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of a key, as tools print it and configurations hold it: PREFIX:<hash>:<base64 of key and CRC-32>:
 * with PREFIX DHHC-1 (Base 8.13.5.7) or NVMeTLSkey-1 (TCP transport 3.6.1.5).
 */
#ifndef NVME_SECRET_H
#define NVME_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX 64u

struct secret {
	uint8_t bytes[SECRET_MAX];
	size_t len;   /* 32, 48 or 64 */
	uint8_t hash; /* 0 = use as it is */
};

/* -EINVAL with a refusal that says what is wrong, never what the key is. */
int secret_parse(const char *text, const char *prefix, struct secret *out);
/* Not optimised away. */
void secret_wipe(void *p, size_t len);

#endif
