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

/// Instruction sets, those of one architecture weakest first.
typedef enum ck_level {
  ck_level_portable = 0,  // 128-bit vectors as the compiler makes them for any processor of the architecture
  ck_level_avx2 = 1,      // AVX2, FMA, F16C
  ck_level_avx512 = 2,    // AVX-512 F, BW, VL, DQ
  ck_level_neon = 3,      // of every 64-bit ARM processor: fused multiply-add, float16 conversions, 32 registers
} ck_level;

/// How weights are stored. The quantised types are blocks of 32 along a row: a float16 scale, then 32 bytes, or 16
/// whose low halves come before the high ones; a value is `scale * byte`, or `scale * (half - 8)`.
typedef enum ck_type { ck_float32 = 0, ck_bfloat16 = 1, ck_float16 = 2, ck_q8_0 = 3, ck_q4_0 = 4 } ck_type;

/// Values of a quantised block.
enum { ck_block = 32 };

/// Bytes of a row; a quantised one is whole blocks.
static inline size_t ck_row_bytes(ck_type type, size_t columns) {
  switch (type) {
    case ck_float32: return 4 * columns;
    case ck_bfloat16:
    case ck_float16: return 2 * columns;
    case ck_q8_0: return columns / ck_block * (2 + ck_block);
    case ck_q4_0: return columns / ck_block * (2 + ck_block / 2);
  }
}

/// The signature of `cblas_sgemm`; the own product takes row-major order only.
typedef void (*ck_sgemm_fn)(
    int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);

enum { ck_row_major = 101, ck_no_transpose = 111, ck_transpose = 112 };

/// Most rows of activations that `gemv` takes at once.
enum { ck_gemv_rows = 8 };
/// Channels that `convolution` takes at once.
enum { ck_convolution_channels = 64 };
/// Keys that `attend_block` takes at once.
enum { ck_attention_keys = 256 };
/// Outputs of a weight that are packed together, at most.
enum { ck_widest_strip = 32 };
/// Tokens that `linear_recurrence` prepares at once.
enum { ck_recurrence_block = 16 };

/// One head of a linear recurrence. Strides are of the time axis.
typedef struct ck_linear_recurrence {
  size_t tokens, key_dimension, value_dimension;
  const float *query;
  size_t query_stride;
  const float *key;
  size_t key_stride;
  const float *value;
  size_t value_stride;
  const float *log_decay;  // one number, or key_dimension of them
  size_t log_decay_stride;
  int per_channel;             // a decay for each row of the state
  const float *_Nullable beta;  // strength of the delta rule; null adds values as they are
  size_t beta_stride;
  float scale;
  float *state;  // [key_dimension, value_dimension]
  float *out;
  size_t out_stride;
} ck_linear_recurrence;

/// Queries of the heads that share a key and value head, and their cache.
typedef struct ck_attention_block {
  ck_type type;      // of the cache: float32 or bfloat16
  size_t group;      // query heads
  size_t rows;       // tokens
  size_t dimension;  // of a head
  const float *query;
  size_t query_stride;  // from token to token, of out as well
  const void *keys, *values;  // [cache rows, dimension]
  size_t position;            // cache row of the first token
  size_t window;              // cache rows that a token sees, itself among them
  size_t sinks;               // and the first of all
  float scale;
  float *out;
} ck_attention_block;

/// What narrowing has lost.
typedef struct ck_narrowing {
  size_t overflows;   // finite values that became infinite
  size_t underflows;  // values that became zero
} ck_narrowing;

/// Sums over what quantising has changed.
typedef struct ck_quantization {
  double squared_error, squares;
  float largest_error;
} ck_quantization;

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
  /// Whole blocks of `source` in a quantised type, whose rounded values are nearest; adds to `error`. A block with a
  /// value that is not finite becomes NaN.
  void (*quantize)(ck_type type, const float *source, size_t count, void *target, ck_quantization *error);
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
  /// `out[r, n] = sum_k x[r, k] weight[n, k]`, added to what is there if `accumulate`, for many rows and `outputs` rows
  /// of the weight. scratch: `ck_linear_scratch`.
  void (*linear)(
      ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
      float *out, size_t out_stride, int accumulate, float *scratch);
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
  void (*multiply_sigmoid)(float *x, const float *gate, size_t count);
  /// `x[t, h, c] = -exp(log_rate[h]) softplus(x[t, h, c] + bias[h, c])`, or with a `bound` above negative infinity
  /// `bound sigmoid(exp(log_rate[h]) (x[t, h, c] + bias[h, c]))`.
  void (*log_decay)(
      float *x, const float *log_rate, const float *bias, float bound, size_t tokens, size_t heads, size_t channels);
  /// `x = scale log(sigmoid(x))`.
  void (*log_sigmoid)(float *x, float scale, size_t count);
  /// Rotates the heads of one row by angles of `[dimension / 2]`.
  void (*rotate)(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine);

  /// At most `ck_convolution_channels` channels over all of time. scratch: `kernel * ck_convolution_channels`.
  void (*convolution)(
      const float *x, size_t tokens, size_t channels, size_t stride, const float *weight, size_t kernel, float *history,
      float *out, float *scratch);

  /// Attention of `group` query rows, which share a key head, to `count` keys; leaves the unnormalised sums.
  /// partial: for each query its greatest score, the sum of weights and `dimension` weighted values.
  /// scratch: `ck_attend_scratch`.
  void (*attend)(
      ck_type type, const float *query, size_t group, size_t query_stride, size_t dimension, const void *keys,
      const void *values, size_t count, float scale, float *scratch, float *partial);
  /// `out` of one query from `parts` partial results that lie `part_stride` apart.
  void (*combine)(const float *partial, size_t parts, size_t part_stride, size_t dimension, float *out);
  /// Attention of a block of queries to all that they see. scratch: `ck_attention_scratch`.
  void (*attend_block)(const ck_attention_block *call, float *scratch);

  /// Token by token, columns `first ..< first + count` of the state. scratch: `ck_recurrence_scratch`.
  void (*linear_recurrence)(const ck_linear_recurrence *call, size_t first, size_t count, float *scratch);
  /// The delta rule with one decay a head, in chunks of at most `chunk` tokens. scratch: `ck_chunk_scratch`.
  void (*delta_rule_chunked)(const ck_linear_recurrence *call, size_t chunk, ck_sgemm_fn sgemm, float *scratch);

  double (*divergence)(const float *teacher, const float *student, size_t count);
  double (*log_sum_exp)(const float *x, size_t count);
} ck_kernels;

/// Floats of scratch that `linear_recurrence` asks for.
static inline size_t ck_recurrence_scratch(size_t key_dimension) { return 3 * ck_recurrence_block * key_dimension; }

/// Floats of scratch that `delta_rule_chunked` asks for.
static inline size_t ck_chunk_scratch(size_t chunk, size_t key_dimension, size_t value_dimension) {
  return chunk * (2 * chunk + key_dimension + 2 * value_dimension + 2);
}

/// Floats of scratch that `linear` asks for.
static inline size_t ck_linear_scratch(size_t outputs, size_t inputs) {
  const size_t depth = inputs < 384 ? inputs : 384;
  return (outputs + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip * depth;
}
/// Floats of scratch that `attend` asks for.
static inline size_t ck_attend_scratch(size_t group, size_t dimension, size_t count) {
  return group * (dimension + count);
}
/// Floats of scratch that `attend_block` asks for.
static inline size_t ck_attention_scratch(size_t group, size_t rows, size_t dimension) {
  const size_t columns = (dimension + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  return ck_attention_keys * (dimension + columns + rows) + group * rows * (2 * dimension + 2);
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
