/* SPDX-License-Identifier: BSD-3-Clause */
#include "alloc.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread unsigned countdown; /* 0: not counting */
static __thread bool failed, no_maps;

void alloc_fail(unsigned n)
{
	countdown = n;
	failed = false;
}

bool alloc_failed(void)
{
	countdown = 0;
	return failed;
}

void alloc_no_maps(bool none)
{
	no_maps = none;
}

#ifdef __SANITIZE_ADDRESS__
const bool alloc_can_fail = false;
#else
const bool alloc_can_fail = true;

/* glibc's own, behind the public names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void *aligned_alloc(size_t align, size_t size);
int posix_memalign(void **p, size_t align, size_t size);

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **p, size_t align, size_t size)
{
	if (fails())
		return ENOMEM;
	*p = __libc_memalign(align, size);
	return *p ? 0 : ENOMEM;
}

void *mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset)
{
	if (flags & MAP_ANONYMOUS && (no_maps || fails()))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, length, prot, flags, fd, offset);
}
#endif
