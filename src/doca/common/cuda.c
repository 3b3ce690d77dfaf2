/* SPDX-License-Identifier: BSD-3-Clause */
#include "doca/common/cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/refuse.h"

#define DRIVER "libcuda.so.1"

/* Of the CUDA driver API, versions 4 and later. Results: 0 is success. */
enum {
	ATTR_CONTEXT = 1,
	ATTR_MEMORY_TYPE = 2,
	ATTR_IS_MANAGED = 8,
	ATTR_DEVICE_ORDINAL = 9,
	ATTR_RANGE_START = 11,
	ATTR_RANGE_SIZE = 12
};
enum { MEMORY_DEVICE = 2 };
enum { STREAM_NON_BLOCKING = 1 };

static struct {
	int (*init)(unsigned flags);
	int (*device_count)(int *count);
	int (*device_get)(int *device, int ordinal);
	int (*primary_retain)(void **context, int device);
	int (*primary_release)(int device);
	int (*push)(void *context);
	int (*pop)(void **context);
	int (*attribute)(void *value, int attribute, uintptr_t addr);
	int (*stream_create)(void **stream, unsigned flags);
	int (*stream_destroy)(void *stream);
	int (*stream_wait)(void *stream);
	int (*copy)(uintptr_t to, uintptr_t from, size_t len, void *stream);
} driver;

static const struct {
	const char *name;
	void **where;
} symbols[] = {
	{"cuInit", (void **)&driver.init},
	{"cuDeviceGetCount", (void **)&driver.device_count},
	{"cuDeviceGet", (void **)&driver.device_get},
	{"cuDevicePrimaryCtxRetain", (void **)&driver.primary_retain},
	{"cuDevicePrimaryCtxRelease_v2", (void **)&driver.primary_release},
	{"cuCtxPushCurrent_v2", (void **)&driver.push},
	{"cuCtxPopCurrent_v2", (void **)&driver.pop},
	{"cuPointerGetAttribute", (void **)&driver.attribute},
	{"cuStreamCreate", (void **)&driver.stream_create},
	{"cuStreamDestroy_v2", (void **)&driver.stream_destroy},
	{"cuStreamSynchronize", (void **)&driver.stream_wait},
	{"cuMemcpyAsync", (void **)&driver.copy},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool resolved;

struct cuda_range {
	void *context, *stream;
	int primary_of; /* device whose primary context was retained; -1 */
};

static int resolve(void *handle)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		*symbols[i].where = dlsym(handle, symbols[i].name);
		if (!*symbols[i].where)
			return refuse(
				ENOTSUP, "%s has no %s: it is too old", DRIVER, symbols[i].name);
	}
	resolved = true;
	return 0;
}

/* The handle is kept: the driver stays as long as the process. */
static int open_driver(bool load)
{
	void *handle;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!resolved) {
		handle = dlopen(DRIVER, RTLD_NOW | (load ? 0 : RTLD_NOLOAD));
		if (handle)
			err = resolve(handle);
		else
			err = load ? refuse(ENOTSUP, "GPU memory: no CUDA driver: %s", dlerror())
				   : -ENOENT;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int cuda_probe(void)
{
	int err = open_driver(true), count = 0, result;

	if (err)
		return err;
	result = driver.init(0);
	if (!result)
		result = driver.device_count(&count);
	if (result || !count)
		return refuse(
			ENOTSUP, "GPU memory: the CUDA driver finds no GPU (error %d)", result);
	return 0;
}

static bool is_device_memory(uintptr_t addr)
{
	unsigned type = 0;
	uint32_t managed = 0;

	if (driver.attribute(&type, ATTR_MEMORY_TYPE, addr) || type != MEMORY_DEVICE)
		return false;
	return driver.attribute(&managed, ATTR_IS_MANAGED, addr) || !managed;
}

static int check_extent(uintptr_t addr, size_t len)
{
	uintptr_t start = 0;
	size_t size = 0;

	if (driver.attribute(&start, ATTR_RANGE_START, addr) ||
		driver.attribute(&size, ATTR_RANGE_SIZE, addr))
		return refuse(EIO, "the CUDA driver does not tell the extent of %p", (void *)addr);
	if (len > size || addr - start > size - len)
		return refuse(EINVAL, "%zu bytes at %p leave their GPU allocation of %zu at %p",
			len, (void *)addr, size, (void *)start);
	return 0;
}

/* Memory of cuMemCreate() and of pools belongs to no context: the device's primary one reaches it. */
static int find_context(struct cuda_range *r, uintptr_t addr)
{
	int ordinal, device;

	r->primary_of = -1;
	if (driver.attribute(&r->context, ATTR_CONTEXT, addr) == 0 && r->context)
		return 0;
	if (driver.attribute(&ordinal, ATTR_DEVICE_ORDINAL, addr) ||
		driver.device_get(&device, ordinal) || driver.primary_retain(&r->context, device))
		return refuse(EIO, "the CUDA driver gives no context for %p", (void *)addr);
	r->primary_of = device;
	return 0;
}

static int make_stream(struct cuda_range *r)
{
	void *popped;
	int result = driver.push(r->context);

	if (!result) {
		result = driver.stream_create(&r->stream, STREAM_NON_BLOCKING);
		driver.pop(&popped);
	}
	return result ? refuse(EIO, "the CUDA driver gives no stream (error %d)", result) : 0;
}

int cuda_range_open(const void *addr, size_t len, struct cuda_range **range)
{
	struct cuda_range *r;
	int err;

	*range = NULL;
	if (open_driver(false) || !is_device_memory((uintptr_t)addr))
		return 0;
	err = check_extent((uintptr_t)addr, len);
	if (err)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return refuse(ENOMEM, "no memory for a GPU range");
	err = find_context(r, (uintptr_t)addr);
	if (!err)
		err = make_stream(r);
	if (err) {
		cuda_range_close(r);
		return err;
	}
	*range = r;
	return 0;
}

void cuda_range_close(struct cuda_range *range)
{
	if (!range)
		return;
	if (range->stream)
		driver.stream_destroy(range->stream);
	if (range->primary_of >= 0)
		driver.primary_release(range->primary_of);
	free(range);
}

int cuda_range_copy(const struct cuda_range *range, void *to, const void *from, size_t len)
{
	void *popped;
	int result = driver.push(range->context);

	if (!result) {
		result = driver.copy((uintptr_t)to, (uintptr_t)from, len, range->stream);
		if (!result)
			result = driver.stream_wait(range->stream);
		driver.pop(&popped);
	}
	return result ? refuse(EIO, "copying %zu bytes of GPU memory: CUDA error %d", len, result)
		      : 0;
}
