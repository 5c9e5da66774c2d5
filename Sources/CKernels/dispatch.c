#include "levels.h"

const ck_kernels *ck_kernels_of(ck_level level) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (level == ck_level_avx512) return avx512 ? &ck_kernels_avx512 : NULL;
  if (level == ck_level_avx2) return avx2 ? &ck_kernels_avx2 : NULL;
  if (level == ck_level_avx2_halves) return avx2 ? &ck_kernels_avx2_halves : NULL;
#endif
#if defined(__aarch64__)
  if (level == ck_level_neon) return &ck_kernels_neon;
#endif
  return level == ck_level_portable ? &ck_kernels_portable : NULL;
}

ck_level ck_best_level(void) {
  if (ck_kernels_of(ck_level_avx512)) return ck_level_avx512;
#if defined(__x86_64__)
  if (ck_kernels_of(ck_level_avx2)) return __builtin_cpu_is("znver1") ? ck_level_avx2_halves : ck_level_avx2;
#endif
  if (ck_kernels_of(ck_level_neon)) return ck_level_neon;
  return ck_level_portable;
}
