// Persistent threads that share out numbered items of work.
#ifndef CKERNELS_THREAD_POOL_H
#define CKERNELS_THREAD_POOL_H

#include <stddef.h>

#if defined(__cplusplus)
extern "C" {
#endif

#pragma clang assume_nonnull begin

typedef struct ck_pool ck_pool;

/// Does one item. `thread` is 0 for the caller, and below the pool's number of threads.
typedef void (*ck_work)(void *context, size_t item, size_t thread);

/// A pool of `threads` threads, the caller's included; null if the system refuses.
ck_pool *_Nullable ck_pool_create(size_t threads);
void ck_pool_destroy(ck_pool *pool);

/// Does items `0 ..< count` and returns when all are done. Work runs with denormals as zeros. One caller at a
/// time, and not from within work.
void ck_pool_run(
    ck_pool *pool, size_t count, __attribute__((swift_attr("@Sendable"))) ck_work work, void *context);

/// Binds each thread of the pool, the calling one as thread 0, to a processor of its own among those that the caller may
/// run on, one a core as far as there are so many; fills in which. Not while work is done. False, and nothing
/// changed, if there are fewer than threads, if the system has no such thing, or if the pool is pinned already.
int ck_pool_pin(ck_pool *pool, int *processors);
/// Lets the threads of a pinned pool, the one that pinned it too, run where that one could run before. It must live.
void ck_pool_unpin(ck_pool *pool);

/// Processors that this process may run on.
size_t ck_online_processors(void);

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
#endif
