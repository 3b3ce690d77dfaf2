/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/refuse.h"

/* CRC-32 of IEEE 802.3. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;

	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static int decode(const char *base64, uint8_t raw[76])
{
	size_t len = strlen(base64);
	int n = len % 4 || len > 96 ? -1 : EVP_DecodeBlock(raw, (const uint8_t *)base64, (int)len);

	for (size_t i = len; n > 0 && i-- > len - 2 && base64[i] == '=';)
		n--;
	return n;
}

int secret_parse(const char *text, const char *prefix, struct secret *out)
{
	size_t skip = strlen(prefix);
	char base64[100];
	uint8_t raw[76];
	unsigned hash;
	int used = 0, n;
	uint32_t crc;

	if (strncmp(text, prefix, skip) ||
		sscanf(text + skip, ":%2x:%96[A-Za-z0-9+/=]:%n", &hash, base64, &used) != 2 || !used ||
		text[skip + (size_t)used] || hash > 3)
		return refuse(EINVAL, "a key: expected %s:00..03:base64: (nvme gen-dhchap-key and gen-tls-key make them)",
			prefix);
	n = decode(base64, raw);
	if (n != 36 && n != 52 && n != 68)
		return refuse(EINVAL, "a %s key: expected 32, 48 or 64 bytes and their checksum in base64", prefix);
	memcpy(&crc, raw + n - 4, 4);
	if (crc != crc32_of(raw, (size_t)n - 4))
		return refuse(EINVAL, "a %s key: its checksum is wrong", prefix);
	out->len = (size_t)n - 4;
	out->hash = (uint8_t)hash;
	memcpy(out->bytes, raw, out->len);
	OPENSSL_cleanse(raw, sizeof(raw));
	OPENSSL_cleanse(base64, sizeof(base64));
	return 0;
}

void secret_wipe(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}
