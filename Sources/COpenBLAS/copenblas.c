#include "copenblas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const candidates[] = {
#if defined(__APPLE__)
    "libopenblas.0.dylib",
    "libopenblas.dylib",
    "/opt/homebrew/opt/openblas/lib/libopenblas.0.dylib",
    "/usr/local/opt/openblas/lib/libopenblas.0.dylib",
#else
    "libopenblas.so.0",
    "libopenblas.so",
#endif
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static copenblas_sgemm_fn sgemm;
static char core[64];
static char error_text[512];

static void *open_library(void) {
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
    void *library = dlopen(candidates[i], RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
  }
  const char *reason = dlerror();
  snprintf(error_text, sizeof error_text, "OpenBLAS cannot be opened: %s", reason ? reason : "no reason given");
  return NULL;
}

static void read_core(void *library) {
  const char *(*name)(void) = (const char *(*)(void))dlsym(library, "openblas_get_corename");
  snprintf(core, sizeof core, "%s", name ? name() : "unknown");
}

static int is_one_of(const char *name, const char *const *names) {
  for (; *names; names++)
    if (strcmp(name, *names) == 0) return 1;
  return 0;
}

/// The core type to ask for instead of the one that the library chose, or null if that one is good enough.
static const char *better_core(const char *chosen) {
#if defined(__x86_64__)
  static const char *const with_avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids", "Sapphirerapids", NULL};
  static const char *const with_avx2[] = {"Haswell", "Zen", NULL};
  __builtin_cpu_init();
  if (is_one_of(chosen, with_avx512)) return NULL;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return "SkylakeX";
  if (is_one_of(chosen, with_avx2)) return NULL;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  (void)chosen;
  (void)is_one_of;
  return NULL;
}

static void open_once(void) {
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  void *library = open_library();
  if (!library) return;
  read_core(library);
  const char *better = getenv("OPENBLAS_CORETYPE") ? NULL : better_core(core);
  if (better) {
    dlclose(library);
    setenv("OPENBLAS_CORETYPE", better, 1);
    library = open_library();
    if (!library) return;
    read_core(library);
  }
  sgemm = (copenblas_sgemm_fn)dlsym(library, "cblas_sgemm");
  if (!sgemm) {
    core[0] = 0;
    snprintf(error_text, sizeof error_text, "OpenBLAS has no cblas_sgemm");
    dlclose(library);
    return;
  }
  // Callers bring their own threads, and results must not depend on how many there are.
  void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  if (set_threads) set_threads(1);
}

copenblas_sgemm_fn copenblas_sgemm(void) {
  pthread_once(&once, open_once);
  return sgemm;
}

const char *copenblas_core(void) {
  pthread_once(&once, open_once);
  return core;
}

const char *copenblas_error(void) {
  pthread_once(&once, open_once);
  return error_text;
}
