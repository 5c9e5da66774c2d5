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
  ck_level_portable = 0,     // 128-bit vectors as the compiler makes them for any processor of the architecture
  ck_level_avx2_halves = 1,  // AVX2, FMA, F16C of a processor that takes a vector of 256 bits in two halves
  ck_level_avx2 = 2,         // AVX2, FMA, F16C
  ck_level_avx512 = 3,       // AVX-512 F, BW, VL, DQ
  ck_level_neon = 4,         // of every 64-bit ARM processor: fused multiply-add, float16 conversions, 32 registers
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
/// Queries that `attention_gradient` takes at once: whole tiles of every width.
enum { ck_attention_gradient_queries = 96 };
/// Outputs of a weight that are packed together, at most.
enum { ck_widest_strip = 32 };
/// Rows of results that registers hold at once: a multiple of all levels'.
enum { ck_tallest_block = 12 };
/// Tokens that `linear_recurrence` prepares at once.
enum { ck_recurrence_block = 16 };
/// Tokens between states that `linear_recurrence_gradient` keeps.
enum { ck_recurrence_gradient_block = 16 };

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

/// The gradient of one head of a linear recurrence. Each has the stride of what it is of.
typedef struct ck_recurrence_gradient {
  ck_linear_recurrence forward;  // `state` and `out` are not looked at
  const float *out_gradient;
  const float *_Nullable initial_state;   // null is zero
  const float *_Nullable final_gradient;  // of the state after the last token; null is zero
  float *query_gradient, *key_gradient, *value_gradient, *decay_gradient;
  float *_Nullable beta_gradient;
  float *_Nullable initial_gradient;
  int adding;  // to what is in key_gradient and value_gradient, as the other heads of a group do
} ck_recurrence_gradient;

/// The query of each head that shares a key and value head, and some of what it sees.
typedef struct ck_attention_part {
  ck_type type;      // of the cache: float32 or bfloat16
  size_t group;      // query heads
  size_t dimension;  // of a head
  const float *query;
  size_t query_stride;  // from head to head
  const void *keys, *values;  // [count, dimension]
  size_t count;
  const void *_Nullable next_keys;  // what this thread will most likely see next, asked for ahead
  size_t next_count;
  float scale;
} ck_attention_part;

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

/// The gradient of the attention of a whole sequence, for the heads that share a key and value head.
typedef struct ck_attention_gradient {
  ck_attention_block forward;  // of all tokens from cache row 0; `out` is not looked at
  const float *out_gradient;   // as query and out
  float *query_gradient;       // the same
  float *key_gradient, *value_gradient;
  size_t key_stride;  // of both
} ck_attention_gradient;

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

/// A step of AdamW: `g = gradient_scale gradient; m = mean_keep m + mean_share g; v = variance_keep v + variance_share g^2;
/// p -= rate (mean_factor m / (sqrt(variance_factor v) + epsilon) + weight_decay p)`.
typedef struct ck_adam_step {
  float rate, gradient_scale, mean_keep, mean_share, variance_keep, variance_share;
  float mean_factor, variance_factor, epsilon, weight_decay;
} ck_adam_step;

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
  /// For a quantised weight each block of x is rounded to whole steps: a power of two, of which the largest value has
  /// 2^14 or more, less than 2^15, but not less than 2^-126. So none moves by more than 2^-15 of the largest, but for
  /// values below 2^-111, and what is not finite makes a row's results NaN. scratch: `rows * inputs` floats.
  void (*gemv)(
      ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
      float *out, size_t out_stride, float *scratch);
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

  /// By the opposite angles.
  void (*rotate_back)(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine);

  /// The gradient of what `log_decay` makes becomes that of x. Sums over time, `[heads * channels]`: those of a head
  /// together are the gradient of log_rate, the others are that of bias.
  void (*log_decay_gradient)(
      const float *x, const float *log_rate, const float *bias, float bound, size_t tokens, size_t heads,
      size_t channels, float *gradient, float *rate_sums, float *bias_sums);
  /// The gradient of what `log_sigmoid` makes becomes that of x.
  void (*log_sigmoid_gradient)(const float *x, float scale, size_t count, float *gradient);

  /// At most `ck_convolution_channels` channels over all of time. scratch: `kernel * ck_convolution_channels`.
  void (*convolution)(
      const float *x, size_t tokens, size_t channels, size_t stride, const float *weight, size_t kernel, float *history,
      float *out, float *scratch);

  /// As `convolution`, from zeros; `sums[j, c]`, `ck_convolution_channels` a tap, is the gradient of the weight.
  void (*convolution_gradient)(
      const float *x, const float *gradient, size_t tokens, size_t channels, size_t stride, const float *weight,
      size_t kernel, float *x_gradient, float *sums, float *scratch);

  /// Attention to a part of what queries see; leaves the unnormalised sums.
  /// partial: for each query its greatest score, the sum of weights and `dimension` weighted values.
  /// scratch: `ck_attend_scratch`.
  void (*attend)(const ck_attention_part *call, float *scratch, float *partial);
  /// `out` of one query from `parts` partial results that lie `part_stride` apart.
  void (*combine)(const float *partial, size_t parts, size_t part_stride, size_t dimension, float *out);
  /// Attention of a block of queries to all that they see. scratch: `ck_attention_scratch`.
  void (*attend_block)(const ck_attention_block *call, float *scratch);

  /// scratch: `ck_attention_gradient_scratch`.
  void (*attention_gradient)(const ck_attention_gradient *call, float *scratch);

  /// Token by token, columns `first ..< first + count` of the state. scratch: `ck_recurrence_scratch`.
  void (*linear_recurrence)(const ck_linear_recurrence *call, size_t first, size_t count, float *scratch);
  /// The delta rule with one decay a head, in chunks of at most `chunk` tokens. scratch: `ck_chunk_scratch`.
  void (*delta_rule_chunked)(const ck_linear_recurrence *call, size_t chunk, ck_sgemm_fn sgemm, float *scratch);

  /// Token by token, all columns of the state. scratch: `ck_recurrence_gradient_scratch`.
  void (*linear_recurrence_gradient)(const ck_recurrence_gradient *call, float *scratch);
  /// That of the delta rule with one decay a head, in chunks of at most `chunk` tokens. scratch:
  /// `ck_delta_rule_gradient_scratch`.
  void (*delta_rule_gradient)(const ck_recurrence_gradient *call, size_t chunk, float *scratch);

  double (*divergence)(const float *teacher, const float *student, size_t count);
  double (*log_sum_exp)(const float *x, size_t count);

  // Derivatives. What is called a gradient is one; gradients of parameters are added to and may be null where it says so.

  /// `out[r, i] = sum_n gradient[r, n] weight[n, first + i]` for `columns` columns of a weight, added to what is there if
  /// `accumulate`. `first` begins a block of a quantised type. scratch: `ck_input_gradient_scratch`.
  void (*linear_input_gradient)(
      ck_type type, const void *weight, size_t outputs, size_t inputs, size_t first, size_t columns,
      const float *gradient, size_t rows, size_t gradient_stride, float *out, size_t out_stride, int accumulate,
      float *scratch);
  /// `out[n, i] += sum_t gradient[t, n] x[t, i]`. scratch: `ck_weight_gradient_scratch`.
  void (*linear_weight_gradient)(
      const float *gradient, size_t outputs, size_t gradient_stride, const float *x, size_t inputs, size_t x_stride,
      size_t tokens, float *out, size_t out_stride, float *scratch);
  /// `out[c] += sum_r x[r, c]`.
  void (*add_rows)(const float *x, size_t rows, size_t stride, size_t columns, float *out);
  /// Of `x * gain` over `groups` of `width`: the gradient of what came out becomes that of x.
  void (*scale_gradient)(
      const float *x, const float *gain, float *gradient, size_t groups, size_t width,
      float *_Nullable gain_gradient);
  /// Of `rms_norm`; x_gradient may be the gradient.
  void (*rms_norm_gradient)(
      const float *x, const float *gain, float epsilon, const float *gradient, size_t groups, size_t width,
      float *x_gradient, float *_Nullable gain_gradient);
  /// Of `l2_normalize`; x is what went in.
  void (*l2_normalize_gradient)(const float *x, float epsilon, float *gradient, size_t groups, size_t width);
  /// Of `silu`; x is what went in.
  void (*silu_gradient)(const float *x, float *gradient, size_t count);
  /// Of `sigmoid`; y is what came out.
  void (*sigmoid_gradient)(const float *y, float *gradient, size_t count);
  /// Of `multiply_silu` and `multiply_sigmoid`: the gradient becomes that of x.
  void (*multiply_silu_gradient)(
      const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count);
  void (*multiply_sigmoid_gradient)(
      const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count);

  // Losses of one row, and what becomes of it: the gradient of `scale * loss`.

  /// `temperature^2 sum p (log p - log q)` of the softmax of both rows divided by the temperature.
  double (*divergence_gradient)(
      const float *teacher, float *student, size_t count, float temperature, float scale);
  /// The same where `entries` probabilities of the teacher are known and all others are one. scratch: entries.
  double (*sparse_divergence_gradient)(
      float *student, size_t count, const int32_t *ids, const float *log_probabilities, size_t entries, float scale,
      float *scratch);
  /// `log(sum exp(x)) - x[target]`.
  double (*cross_entropy_gradient)(float *x, size_t count, size_t target, float scale);
  /// `|student - teacher| / sqrt(count)`, or its square.
  double (*distance_gradient)(const float *teacher, float *student, size_t count, int squared, float scale);

  double (*sum_of_squares)(const float *x, size_t count);
  void (*adam_step)(
      const ck_adam_step *step, float *parameters, const float *gradient, float *mean, float *variance, size_t count);
} ck_kernels;

/// Floats of scratch that `linear_recurrence` asks for.
static inline size_t ck_recurrence_scratch(size_t key_dimension) { return 3 * ck_recurrence_block * key_dimension; }

/// Floats of scratch that `linear_recurrence_gradient` asks for.
static inline size_t ck_recurrence_gradient_scratch(size_t tokens, size_t key_dimension, size_t value_dimension) {
  const size_t width = (value_dimension + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  const size_t block = ck_recurrence_gradient_block, starts = tokens / block + 1;
  return (block + starts + 1) * key_dimension * width + 2 * (block + 1) * width + block * key_dimension +
         ck_recurrence_scratch(key_dimension);
}
/// Floats of scratch that `delta_rule_gradient` asks for.
static inline size_t ck_delta_rule_gradient_scratch(
    size_t tokens, size_t chunk, size_t key_dimension, size_t value_dimension) {
  const size_t rows = (key_dimension + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  const size_t columns = (value_dimension + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  const size_t width = (chunk + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  return ((tokens + chunk - 1) / chunk + 3) * rows * columns + tokens * (columns + width) +
         width * (9 * rows + 5 * columns + 4 * width + 4);
}

/// Floats of scratch that `delta_rule_chunked` asks for.
static inline size_t ck_chunk_scratch(size_t chunk, size_t key_dimension, size_t value_dimension) {
  return chunk * (2 * chunk + key_dimension + 2 * value_dimension + 2);
}

/// Floats of scratch that `linear` asks for.
static inline size_t ck_linear_scratch(size_t outputs, size_t inputs) {
  const size_t depth = inputs < 384 ? inputs : 384;
  return (outputs + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip * depth;
}
/// Floats of scratch that `linear_input_gradient` asks for.
static inline size_t ck_input_gradient_scratch(size_t rows) { return (3 * ck_widest_strip + rows) * 384; }
/// Floats of scratch that `linear_weight_gradient` asks for.
static inline size_t ck_weight_gradient_scratch(size_t outputs) {
  return (ck_widest_strip + outputs + ck_tallest_block) * 256;
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

/// Floats from one row of weights to the next in `attention_gradient`: an odd number of cache lines, so that a column's
/// rows are not all in one set of a cache.
static inline size_t ck_attention_gradient_stride(size_t tokens) { return ((tokens + 15) / 16 | 1) * 16; }
/// Floats of scratch that `attention_gradient` asks for.
static inline size_t ck_attention_gradient_scratch(size_t tokens, size_t dimension) {
  const size_t columns = (dimension + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  const size_t strips = (tokens + ck_widest_strip - 1) / ck_widest_strip * ck_widest_strip;
  return 2 * strips * dimension + tokens * columns +
         2 * ck_attention_gradient_queries * (dimension + columns + ck_attention_gradient_stride(tokens));
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
