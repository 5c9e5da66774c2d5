// For processors with AVX2 that take a vector in two halves (Zen, Zen+): quantised weights are faster with vectors of
// 128 bits there, as widening bytes and converting integers cost more than twice as much in one of 256. All other kernels
// are those of AVX2.
#include "kernels/system.h"
#include "levels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 4
#define REGISTERS 16
#define HAS_FMA 1
#define HAS_HALF 1
#include "kernels/vector.h"

#include "kernels/tile.h"

#include "kernels/gemv_quantized.h"

#include "kernels/gemv.h"

void ck_gemv_in_halves(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride, float *scratch) {
  (is_quantised(type) ? gemv_of_blocks : ck_kernels_avx2.gemv)(
      type, weight, outputs, inputs, x, rows, x_stride, out, out_stride, scratch);
}
#pragma clang attribute pop
#endif
