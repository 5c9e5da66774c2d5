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

/// Processors that this process may run on.
size_t ck_online_processors(void);

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
#endif
