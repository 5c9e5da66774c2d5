// The tables of kernels, one an instruction set.
#ifndef CKERNELS_LEVELS_H
#define CKERNELS_LEVELS_H

#include "ckernels.h"

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2;
extern const ck_kernels ck_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif

#endif
