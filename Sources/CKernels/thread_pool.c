#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "thread_pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { cache_line = 128 };
/// How long an idle worker watches for work before it sleeps: longer than the gaps between the operations of a
/// decode step, and short enough to cost nothing.
static const uint64_t spin_nanoseconds = 100000;

/// Set in `gate` while a region takes workers in; the bits below count those inside.
static const uint32_t gate_open = 1u << 31;

/// The items that a thread begins with. In the same region of the next step it begins with the same ones, so
/// that what they work on is still in its cache.
struct share {
  _Alignas(cache_line) _Atomic size_t next;
  size_t end;
};

struct ck_pool {
  size_t threads;
  int may_spin;
  pthread_t *workers;
  struct share *shares;

  // Written by the caller while the gate is closed and nobody is inside.
  ck_work work;
  void *context;

  /// Rises with every region; workers sleep on it.
  _Alignas(cache_line) _Atomic uint32_t generation;
  _Atomic uint32_t sleepers;
  _Atomic int stopping;
  _Alignas(cache_line) _Atomic uint32_t gate;
#if defined(__linux__)
  // The thread that has pinned the pool, and where it was allowed to run before.
  int is_pinned;
  pthread_t pinner;
  cpu_set_t allowed;
#else
  pthread_mutex_t mutex;
  pthread_cond_t wake;
#endif
};

struct worker {
  ck_pool *pool;
  size_t index;
};

static inline void relax(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Products of denormals run 7 to 16 times slower, and no result here needs them.
static uint64_t flush_denormals(void) {
#if defined(__x86_64__)
  uint64_t old = _mm_getcsr();
  _mm_setcsr((unsigned)old | 0x8040u);
  return old;
#elif defined(__aarch64__)
  uint64_t old;
  __asm__ volatile("mrs %0, fpcr" : "=r"(old));
  __asm__ volatile("msr fpcr, %0" : : "r"(old | (1u << 24)));
  return old;
#else
  return 0;
#endif
}

static void restore_denormals(uint64_t old) {
#if defined(__x86_64__)
  _mm_setcsr((unsigned)old);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(old));
#else
  (void)old;
#endif
}

// MARK: sleeping

static void sleep_until_not(ck_pool *pool, uint32_t seen) {
  atomic_fetch_add(&pool->sleepers, 1);
#if defined(__linux__)
  // Returns at once if a region has begun since; the counter above was raised first, so no wake-up is lost.
  if (atomic_load(&pool->generation) == seen)
    syscall(SYS_futex, &pool->generation, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#else
  pthread_mutex_lock(&pool->mutex);
  while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
#endif
  atomic_fetch_sub(&pool->sleepers, 1);
}

static void announce(ck_pool *pool) {
#if defined(__linux__)
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleepers))
    syscall(SYS_futex, &pool->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->generation, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
#endif
}

static void wait_for_work(ck_pool *pool, uint32_t seen) {
  if (pool->may_spin) {
    uint64_t deadline = now() + spin_nanoseconds;
    do {
      for (int i = 0; i < 64; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) return;
        relax();
      }
    } while (now() < deadline);
  }
  while (atomic_load(&pool->generation) == seen) sleep_until_not(pool, seen);
}

// MARK: working

/// Takes the items of the thread's own share, then what others have left.
static void take_items(ck_pool *pool, size_t thread) {
  for (size_t i = 0; i < pool->threads; i++) {
    struct share *share = &pool->shares[(thread + i) % pool->threads];
    for (;;) {
      size_t item = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
      if (item >= share->end) break;
      pool->work(pool->context, item, thread);
    }
  }
}

static void deal_items(ck_pool *pool, size_t count) {
  size_t first = 0;
  for (size_t i = 0; i < pool->threads; i++) {
    struct share *share = &pool->shares[i];
    share->end = first + count / pool->threads + (i < count % pool->threads);
    atomic_store_explicit(&share->next, first, memory_order_relaxed);
    first = share->end;
  }
}

/// False if the region has closed already: a worker that wakes late is not waited for.
static int enter(ck_pool *pool) {
  uint32_t gate = atomic_load(&pool->gate);
  while (gate & gate_open)
    if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1)) return 1;
  return 0;
}

static void *worker_main(void *argument) {
  struct worker worker = *(struct worker *)argument;
  free(argument);
  ck_pool *pool = worker.pool;
  flush_denormals();
  uint32_t seen = 0;
  for (;;) {
    wait_for_work(pool, seen);
    if (atomic_load(&pool->stopping)) return NULL;
    seen = atomic_load(&pool->generation);
    if (!enter(pool)) continue;
    take_items(pool, worker.index);
    atomic_fetch_sub(&pool->gate, 1);
  }
}

void ck_pool_run(ck_pool *pool, size_t count, ck_work work, void *context) {
  uint64_t mode = flush_denormals();
  if (pool->threads == 1 || count <= 1) {
    for (size_t item = 0; item < count; item++) work(context, item, 0);
  } else {
    pool->work = work;
    pool->context = context;
    deal_items(pool, count);
    atomic_store(&pool->gate, gate_open);
    announce(pool);
    take_items(pool, 0);
    atomic_fetch_and(&pool->gate, ~gate_open);
    for (int spins = 0; atomic_load_explicit(&pool->gate, memory_order_acquire) != 0; spins++) {
      if (pool->may_spin || spins < 64) {
        relax();
      } else {
        sched_yield();
      }
    }
  }
  restore_denormals(mode);
}

// MARK: pinning

#if defined(__linux__)
/// Whether the system has another processor of the same core before this one.
static int shares_core_with_earlier(int processor, const cpu_set_t *allowed) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", processor);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  int first = processor;
  int is_read = fscanf(file, "%d", &first) == 1;
  fclose(file);
  return is_read && first >= 0 && first < processor && CPU_ISSET((size_t)first, allowed);
}

/// The processors for a pool's threads: one a core first, then the others of the same cores. Returns how many.
static size_t choose_processors(const cpu_set_t *allowed, size_t count, int *processors) {
  size_t chosen = 0;
  for (int second = 0; second < 2; second++)
    for (int i = 0; i < CPU_SETSIZE && chosen < count; i++)
      if (CPU_ISSET((size_t)i, allowed) && shares_core_with_earlier(i, allowed) == second) processors[chosen++] = i;
  return chosen;
}

static int bind(pthread_t thread, int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET((size_t)processor, &one);
  return pthread_setaffinity_np(thread, sizeof one, &one) == 0;
}
#endif

int ck_pool_pin(ck_pool *pool, int *processors) {
#if defined(__linux__)
  if (pool->is_pinned || sched_getaffinity(0, sizeof pool->allowed, &pool->allowed)) return 0;
  if (choose_processors(&pool->allowed, pool->threads, processors) < pool->threads) return 0;
  pool->pinner = pthread_self();
  pool->is_pinned = 1;
  int all = bind(pool->pinner, processors[0]);
  for (size_t i = 1; all && i < pool->threads; i++) all = bind(pool->workers[i - 1], processors[i]);
  if (!all) ck_pool_unpin(pool);
  return all;
#else
  (void)pool;
  (void)processors;
  return 0;
#endif
}

void ck_pool_unpin(ck_pool *pool) {
#if defined(__linux__)
  if (!pool->is_pinned) return;
  pool->is_pinned = 0;
  pthread_setaffinity_np(pool->pinner, sizeof pool->allowed, &pool->allowed);
  for (size_t i = 0; i + 1 < pool->threads; i++)
    pthread_setaffinity_np(pool->workers[i], sizeof pool->allowed, &pool->allowed);
#else
  (void)pool;
#endif
}

// MARK: life

static int start_worker(ck_pool *pool, size_t index) {
  struct worker *worker = malloc(sizeof *worker);
  if (!worker) return 0;
  *worker = (struct worker){pool, index};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  // The product packs its operands on the stack; some systems give secondary threads half a megabyte.
  pthread_attr_setstacksize(&attributes, 4 << 20);
  int failed = pthread_create(&pool->workers[index - 1], &attributes, worker_main, worker);
  pthread_attr_destroy(&attributes);
  if (failed) free(worker);
  return !failed;
}

static void stop_workers(ck_pool *pool, size_t count) {
  atomic_store(&pool->stopping, 1);
  announce(pool);
  for (size_t i = 0; i < count; i++) pthread_join(pool->workers[i], NULL);
}

static void release(ck_pool *pool) {
#if !defined(__linux__)
  pthread_mutex_destroy(&pool->mutex);
  pthread_cond_destroy(&pool->wake);
#endif
  free(pool->workers);
  free(pool->shares);
  free(pool);
}

ck_pool *ck_pool_create(size_t threads) {
  ck_pool *pool = NULL;
  if (posix_memalign((void **)&pool, cache_line, sizeof *pool)) return NULL;
  *pool = (ck_pool){.threads = threads, .may_spin = threads <= ck_online_processors()};
  pool->workers = calloc(threads, sizeof *pool->workers);
  if (posix_memalign((void **)&pool->shares, cache_line, threads * sizeof *pool->shares)) pool->shares = NULL;
#if !defined(__linux__)
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
#endif
  size_t started = 0;
  const int has_memory = pool->workers && pool->shares;
  while (has_memory && started + 1 < threads && start_worker(pool, started + 1)) started++;
  if (!has_memory || started + 1 < threads) {
    stop_workers(pool, started);
    release(pool);
    return NULL;
  }
  return pool;
}

void ck_pool_destroy(ck_pool *pool) {
  ck_pool_unpin(pool);
  stop_workers(pool, pool->threads - 1);
  release(pool);
}

size_t ck_online_processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return (size_t)CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (size_t)count : 1;
}
