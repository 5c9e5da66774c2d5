// Hot loops of Hybridize, in C, with run-time choice of the instruction set.
//
// Matrices are row-major; a `stride` counts elements from one row to the next. Sums run along a row in one fixed
// order, so that a result does not depend on how rows are dealt out to threads.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "thread_pool.h"

#if defined(__cplusplus)
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// Instruction sets, weakest first.
typedef enum ck_level {
  ck_level_portable = 0,  // 128-bit vectors of the base architecture: SSE2, NEON
  ck_level_avx2 = 1,      // AVX2, FMA, F16C
  ck_level_avx512 = 2,    // AVX-512 F, BW, VL, DQ
} ck_level;

/// How weights are stored.
typedef enum ck_type { ck_float32 = 0, ck_bfloat16 = 1, ck_float16 = 2 } ck_type;

/// The signature of `cblas_sgemm`; the own product takes row-major order only.
typedef void (*ck_sgemm_fn)(
    int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);

enum { ck_row_major = 101, ck_no_transpose = 111, ck_transpose = 112 };

/// Most rows of activations that `gemv` takes at once.
enum { ck_gemv_rows = 8 };
/// Channels that `convolution` takes at once.
enum { ck_convolution_channels = 64 };

/// One head of the gated delta rule. Strides are of the time axis.
typedef struct ck_delta_rule {
  size_t tokens, key_dimension, value_dimension;
  const float *query;
  size_t query_stride;
  const float *key;
  size_t key_stride;
  const float *value;
  size_t value_stride;
  const float *log_decay;  // with gate_stride
  const float *beta;       // with gate_stride
  size_t gate_stride;
  float scale;
  float *state;  // [key_dimension, value_dimension]
  float *out;
  size_t out_stride;
} ck_delta_rule;

/// What narrowing has lost.
typedef struct ck_narrowing {
  size_t overflows;   // finite values that became infinite
  size_t underflows;  // values that became zero
} ck_narrowing;

/// Sums over the values of a tensor. Extremes and sums are of the finite ones.
typedef struct ck_statistics {
  size_t count, zeros, infinities;
  float least, greatest;  // INFINITY and -INFINITY before the first value
  double sum, squares;
  /// Values by their biased float32 exponent: 0 for zero and subnormal values, 255 for infinities and NaN.
  uint64_t exponents[256];
} ck_statistics;

/// Sums over the differences of two tensors.
typedef struct ck_difference {
  size_t count, differing, incomparable;
  float largest;
  double sum;
} ck_difference;

/// The kernels of one instruction set.
typedef struct ck_kernels {
  /// `target[i] = source[i]` as float32.
  void (*widen)(ck_type type, const void *source, size_t count, float *target);
  /// `target[i] = source[i]` as bfloat16 or float16, rounded to nearest even; adds to `lost`.
  void (*narrow)(ck_type type, const float *source, size_t count, uint16_t *target, ck_narrowing *lost);
  /// The sum of values in any order: little more than reading them.
  float (*read)(const float *x, size_t count);
  /// Adds values to `sums`.
  void (*statistics)(const float *x, size_t count, ck_statistics *sums);
  /// Adds the differences of `x` and `y` to `sums`.
  void (*difference)(const float *x, const float *y, size_t count, ck_difference *sums);
  /// `out[r, n] = sum_k x[r, k] weight[n, k]` for `rows <= ck_gemv_rows` and `outputs` rows of the weight.
  void (*gemv)(
      ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
      float *out, size_t out_stride);
  ck_sgemm_fn sgemm;

  void (*exponential)(float *x, size_t count);
  void (*add)(float *x, const float *y, size_t count);
  void (*multiply)(float *x, const float *y, size_t count);
  void (*silu)(float *x, size_t count);
  void (*multiply_silu)(float *x, const float *gate, size_t count);
  void (*sigmoid)(float *x, size_t count);
  /// Over `groups` of `width`.
  void (*rms_norm)(
      const float *x, const float *gain, float epsilon, size_t groups, size_t width, float *out);
  void (*l2_normalize)(float *x, float epsilon, size_t groups, size_t width);
  /// `x[t, h] = -exp(log_rate[h]) softplus(x[t, h] + bias[h])`.
  void (*log_decay)(float *x, const float *log_rate, const float *bias, size_t tokens, size_t heads);
  /// Rotates the heads of one row by angles of `[dimension / 2]`.
  void (*rotate)(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine);

  /// At most `ck_convolution_channels` channels over all of time. scratch: `kernel * ck_convolution_channels`.
  void (*convolution)(
      const float *x, size_t tokens, size_t channels, size_t stride, const float *weight, size_t kernel, float *history,
      float *out, float *scratch);

  /// Attention of `group` query rows, which share a key head, to `count` keys; leaves the unnormalised sums.
  /// partial: for each query its greatest score, the sum of weights and `dimension` weighted values.
  /// scratch: `group * (count + 3)`.
  void (*attend)(
      const float *query, size_t group, size_t query_stride, size_t dimension, const float *keys, const float *values,
      size_t count, float scale, float *scratch, float *partial);
  /// `out` of one query from `parts` partial results that lie `part_stride` apart.
  void (*combine)(const float *partial, size_t parts, size_t part_stride, size_t dimension, float *out);
  /// One block of keys of a running softmax. Row `r` sees the first `visible + r` of `keys` scores. Turns scores
  /// into weights, updates each row's greatest score and sum, and rescales `out [rows, dimension]` to match.
  void (*softmax_block)(
      float *scores, size_t rows, size_t keys, size_t stride, float scale, ptrdiff_t visible, float *greatest,
      float *sum, float *out, size_t dimension);

  /// Token by token, columns `first ..< first + count` of the state.
  void (*delta_rule)(const ck_delta_rule *call, size_t first, size_t count);
  /// In chunks of at most `chunk` tokens. scratch: `ck_chunk_scratch`.
  void (*delta_rule_chunked)(const ck_delta_rule *call, size_t chunk, ck_sgemm_fn sgemm, float *scratch);

  double (*divergence)(const float *teacher, const float *student, size_t count);
  double (*log_sum_exp)(const float *x, size_t count);
} ck_kernels;

/// Floats of scratch that `delta_rule_chunked` asks for.
static inline size_t ck_chunk_scratch(size_t chunk, size_t key_dimension, size_t value_dimension) {
  return chunk * (2 * chunk + key_dimension + 2 * value_dimension + 2);
}

/// The best instruction set of this machine.
ck_level ck_best_level(void);
/// The kernels of an instruction set; null if this machine lacks it.
const ck_kernels *_Nullable ck_kernels_of(ck_level level);

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
#endif
