#include "kernels/system.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define REGISTERS 32
#define HAS_FMA 1
#define HAS_HALF 1
#define LEVEL ck_kernels_avx512
#include "kernels/all.h"
#pragma clang attribute pop
#endif
