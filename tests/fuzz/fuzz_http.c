/* SPDX-License-Identifier: BSD-3-Clause */
/* The scraper's request: whatever the bytes, one known status; a longer prefix never un-decides it. */
#include <assert.h>

#include "ctl/ctl_int.h"
#include "ctl/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	bool head;
	int status;

	if (size > METRICS_REQUEST_MAX)
		size = METRICS_REQUEST_MAX;
	status = http_judge(text, size, &head);
	assert(status == 0 || status == 200 || status == 400 || status == 404 || status == 405 ||
		status == 431 || status == 505);
	assert(!head || status == 200 || status == 404);
	assert(!status || *http_status_text(status));
	for (size_t n = 1; n < size && size < 200; n++) {
		int early = http_judge(text, n, &head);

		assert(!early || early == status);
	}
	return 0;
}
