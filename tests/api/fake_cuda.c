/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A CUDA driver library without a GPU: "device" memory is a memory file whose address in this process may not
 * be touched (PROT_NONE), as that of a real card, and a second mapping that only this library knows. So a test
 * shows that no byte goes past the driver. The functions are the ones doca/common/cuda.c asks for.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES 8
#define INVALID_VALUE 1
#define OUT_OF_MEMORY 2

static struct {
	uint8_t *device, *host;
	size_t len;
} ranges[RANGES];
static unsigned n_ranges;
static int depth; /* contexts pushed */

unsigned fake_cuda_copies;

static int find(uintptr_t addr)
{
	for (unsigned i = 0; i < n_ranges; i++)
		if (addr >= (uintptr_t)ranges[i].device &&
			addr < (uintptr_t)ranges[i].device + ranges[i].len)
			return (int)i;
	return -1;
}

static void *reach(uintptr_t addr)
{
	int i = find(addr);

	return i < 0 ? (void *)addr : ranges[i].host + (addr - (uintptr_t)ranges[i].device);
}

int cuMemAlloc_v2(uintptr_t *addr, size_t len);
int cuMemAlloc_v2(uintptr_t *addr, size_t len)
{
	int fd = memfd_create("fake-gpu", 0);

	if (n_ranges == RANGES || fd < 0 || ftruncate(fd, (off_t)len))
		return OUT_OF_MEMORY;
	ranges[n_ranges].len = len;
	ranges[n_ranges].device = mmap(NULL, len, PROT_NONE, MAP_SHARED, fd, 0);
	ranges[n_ranges].host = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	*addr = (uintptr_t)ranges[n_ranges++].device;
	return 0;
}

int cuInit(unsigned flags);
int cuInit(unsigned flags)
{
	return 0;
}

int cuDeviceGetCount(int *count);
int cuDeviceGetCount(int *count)
{
	*count = 1;
	return 0;
}

int cuDeviceGet(int *device, int ordinal);
int cuDeviceGet(int *device, int ordinal)
{
	*device = ordinal;
	return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device);
int cuDevicePrimaryCtxRetain(void **context, int device)
{
	*context = ranges;
	return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device);
int cuDevicePrimaryCtxRelease_v2(int device)
{
	return 0;
}

int cuCtxPushCurrent_v2(void *context);
int cuCtxPushCurrent_v2(void *context)
{
	__atomic_add_fetch(&depth, 1, __ATOMIC_RELAXED);
	return context == ranges ? 0 : INVALID_VALUE;
}

int cuCtxPopCurrent_v2(void **context);
int cuCtxPopCurrent_v2(void **context)
{
	__atomic_sub_fetch(&depth, 1, __ATOMIC_RELAXED);
	*context = ranges;
	return 0;
}

int cuPointerGetAttribute(void *value, int attribute, uintptr_t addr);
int cuPointerGetAttribute(void *value, int attribute, uintptr_t addr)
{
	int i = find(addr);

	if (i < 0)
		return INVALID_VALUE;
	switch (attribute) {
	case 1: /* the first range belongs to a context, others to none, as pools do */
		*(void **)value = i ? NULL : ranges;
		return 0;
	case 2:
		*(unsigned *)value = 2;
		return 0;
	case 8:
	case 9:
		*(unsigned *)value = 0;
		return 0;
	case 11:
		*(uintptr_t *)value = (uintptr_t)ranges[i].device;
		return 0;
	case 12:
		*(size_t *)value = ranges[i].len;
		return 0;
	default:
		return INVALID_VALUE;
	}
}

int cuStreamCreate(void **stream, unsigned flags);
int cuStreamCreate(void **stream, unsigned flags)
{
	*stream = &n_ranges;
	return 0;
}

int cuStreamDestroy_v2(void *stream);
int cuStreamDestroy_v2(void *stream)
{
	return 0;
}

int cuStreamSynchronize(void *stream);
int cuStreamSynchronize(void *stream)
{
	return depth > 0 ? 0 : INVALID_VALUE;
}

int cuMemcpyAsync(uintptr_t to, uintptr_t from, size_t len, void *stream);
int cuMemcpyAsync(uintptr_t to, uintptr_t from, size_t len, void *stream)
{
	if (depth <= 0 || stream != &n_ranges)
		return INVALID_VALUE;
	memmove(reach(to), reach(from), len);
	__atomic_add_fetch(&fake_cuda_copies, 1, __ATOMIC_RELAXED);
	return 0;
}
