#include "kernels/system.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 8
#define REGISTERS 16
#define HAS_FMA 1
#define HAS_HALF 1
#define LEVEL ck_kernels_avx2
#include "kernels/all.h"

#undef LEVEL
#define LEVEL ck_kernels_avx2_halves
#undef GEMV
#define GEMV ck_gemv_in_halves
#include "kernels/table.h"
#pragma clang attribute pop
#endif
