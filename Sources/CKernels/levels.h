// The tables of kernels, one an instruction set.
#ifndef CKERNELS_LEVELS_H
#define CKERNELS_LEVELS_H

#include "ckernels.h"

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2;
extern const ck_kernels ck_kernels_avx2_halves;
extern const ck_kernels ck_kernels_avx512;

/// What `ck_kernels_avx2_halves` has in place of `gemv`.
void ck_gemv_in_halves(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride, float *scratch);
#endif
#if defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif

#endif
