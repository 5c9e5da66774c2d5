// Runs every kernel of one instruction set against the portable one on the same random operands, and prints for each
// how far their results are apart at most:
//
//   levels LEVEL          exit status 0 if all agree, 1 if not, 2 if this machine lacks the level
//   levels LEVEL spoil    changes a result of every kernel a little; exit status 0 if every comparison notices
//
// Both levels must be in one program, so that it can run in an emulator. Buffers have exactly the size that a call may
// touch, for address sanitizer to watch.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../Sources/CKernels/levels.h"

// What results may differ by, relative to the greatest of a call.

/// Results that are rounded once from the same operands, or not at all.
static const double same_bits = 0;
/// Sums of doubles in another order: a few hundred roundings of 1e-16.
static const double double_sums = 1e-13;
/// Two evaluations of exp, each right to 3e-7, and a few roundings of 6e-8.
static const double functions = 2e-6;
/// Sums of up to 800 float32 products in another order, or with other roundings: some 1e-7 of the sum of their sizes,
/// which is up to 25 times the random walk that results are measured by. A lost term would show as 1e-2 or more.
static const double sums = 5e-6;

typedef struct kernel {
  const char *name;
  double tolerance, difference;
  size_t values;
} kernel;

static kernel kernels[sizeof(ck_kernels) / sizeof(void (*)(void))];
static size_t kernel_count;
static int spoils;

static kernel *kernel_named(const char *name, double tolerance) {
  for (size_t i = 0; i < kernel_count; i++)
    if (strcmp(kernels[i].name, name) == 0) return kernels + i;
  if (kernel_count == sizeof kernels / sizeof *kernels) abort();
  kernels[kernel_count] = (kernel){.name = name, .tolerance = tolerance};
  return kernels + kernel_count++;
}

static void note(kernel *kernel, double difference) {
  if (!(difference <= kernel->difference)) kernel->difference = difference;
}

/// Differences count relative to the greatest expected value, or to `least_scale` if that is larger.
static void compare_scaled(
    const char *name, double tolerance, double least_scale, const float *found, const float *expected, size_t count) {
  kernel *kernel = kernel_named(name, tolerance);
  double greatest = least_scale;
  for (size_t i = 0; i < count; i++)
    if (isfinite(expected[i]) && fabsf(expected[i]) > greatest) greatest = fabsf(expected[i]);
  kernel->values += count;
  for (size_t i = 0; i < count; i++) {
    const double spoilt = spoils && i == count / 2 ? found[i] + 1e-3 * (greatest > 0 ? greatest : 1) : found[i];
    if (spoilt == expected[i] || (isnan(spoilt) && isnan(expected[i]))) continue;
    note(kernel, isfinite(spoilt) && isfinite(expected[i]) ? fabs(spoilt - expected[i]) / greatest : INFINITY);
  }
}

static void compare(const char *name, double tolerance, const float *found, const float *expected, size_t count) {
  compare_scaled(name, tolerance, 0, found, expected, count);
}

/// Of sums of products of random numbers from -1 to 1, which may cancel: the scale is their standard deviation.
static void compare_sums(const char *name, size_t terms, const float *found, const float *expected, size_t count) {
  compare_scaled(name, sums, sqrt((double)terms) / 3, found, expected, count);
}

static void compare_doubles(const char *name, double tolerance, double found, double expected) {
  kernel *kernel = kernel_named(name, tolerance);
  kernel->values++;
  if (spoils) found += 1e-3 * fabs(expected) + 1e-3;
  if (found != expected) note(kernel, fabs(found - expected) / fabs(expected));
}

static void compare_bits(const char *name, const void *found, const void *expected, size_t bytes) {
  kernel *kernel = kernel_named(name, same_bits);
  kernel->values += bytes;
  if (spoils || memcmp(found, expected, bytes) != 0) note(kernel, INFINITY);
}

// MARK: operands

static uint64_t generator = 1;

static uint32_t random_bits(void) {
  // Numerical Recipes' multiplier; the high bits are the good ones.
  generator = generator * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(generator >> 32);
}

static float uniform(float low, float high) { return low + (high - low) * ((float)(random_bits() >> 8) * 0x1p-24f); }

static void *bytes(size_t count) {
  void *result = malloc(count ? count : 1);
  if (!result) abort();
  memset(result, 0xA5, count);
  return result;
}

static float *space(size_t count) { return bytes(count * sizeof(float)); }

static float *random_floats(size_t count, float low, float high) {
  float *x = space(count);
  for (size_t i = 0; i < count; i++) x[i] = uniform(low, high);
  return x;
}

static float *copy(const float *x, size_t count) { return memcpy(space(count), x, count * sizeof(float)); }

/// A random matrix in a type, made by the portable kernels.
static void *random_weight(const ck_kernels *plain, ck_type type, size_t rows, size_t columns) {
  const size_t count = rows * columns;
  float *x = random_floats(count, -1, 1);
  if (type == ck_float32) return x;
  void *weight = bytes(rows * ck_row_bytes(type, columns));
  ck_narrowing lost = {0};
  ck_quantization error = {0};
  if (type == ck_q8_0 || type == ck_q4_0) plain->quantize(type, x, count, weight, &error);
  else plain->narrow(type, x, count, weight, &lost);
  free(x);
  return weight;
}

static int is_quantised(ck_type type) { return type == ck_q8_0 || type == ck_q4_0; }

#define EACH(NAME, ...) \
  for (const size_t *NAME = (const size_t[]){__VA_ARGS__, SIZE_MAX}; *NAME != SIZE_MAX; NAME++)

// MARK: kernels

static void check_products(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(inputs_of, 1, 2, 7, 9, 33, 100, 403, 800) EACH(outputs_of, 1, 3, 8, 13, 37, 70) {
    const size_t inputs = is_quantised(type) ? (*inputs_of + ck_block - 1) / ck_block * ck_block : *inputs_of;
    const size_t outputs = *outputs_of, x_stride = inputs + 3, out_stride = outputs + 2;
    void *weight = random_weight(plain, type, outputs, inputs);
    EACH(rows_of, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 29) {
      const size_t rows = *rows_of, results = (rows - 1) * out_stride + outputs;
      float *x = random_floats((rows - 1) * x_stride + inputs, -1, 1);
      float *first = random_floats(results, -1, 1), *found = copy(first, results), *expected = copy(first, results);
      if (rows <= ck_gemv_rows) {
        float *scratch = space(rows * inputs);
        tested->gemv(type, weight, outputs, inputs, x, rows, x_stride, found, out_stride, scratch);
        plain->gemv(type, weight, outputs, inputs, x, rows, x_stride, expected, out_stride, scratch);
        compare_sums("gemv", inputs, found, expected, results);
        free(scratch);
      }
      float *scratch = space(ck_linear_scratch(outputs, inputs));
      for (int accumulate = 0; accumulate < 2; accumulate++) {
        tested->linear(type, weight, outputs, inputs, x, rows, x_stride, found, out_stride, accumulate, scratch);
        plain->linear(type, weight, outputs, inputs, x, rows, x_stride, expected, out_stride, accumulate, scratch);
        compare_sums("linear", inputs, found, expected, results);
      }
      free(x), free(first), free(found), free(expected), free(scratch);
    }
    free(weight);
  }
}

/// Rows that become integers for a quantised weight: the smallest, ties, what rounds up to too large an integer, the
/// largest, and what is not finite, beside a block of zeros.
static void check_rounding(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  enum { inputs = 3 * ck_block, outputs = 11, rows = 8 };
  void *weight = random_weight(plain, type, outputs, inputs);
  float *x = random_floats(rows * inputs, -1, 1), *scratch = space(rows * inputs);
  float found[rows * outputs], expected[rows * outputs];
  for (size_t i = 0; i < inputs; i++) {
    x[i] *= 0x1p-120f;
    x[inputs + i] = ((float)(i % 64) - 31.5f) * 0x1p-14f + (i % ck_block == 0);
    x[2 * inputs + i] = i % 3 ? 0x1.fffffep0f : -0x1.fffffep0f;
    x[3 * inputs + i] *= 0x1p126f;
  }
  x[4 * inputs + 7] = INFINITY, x[5 * inputs + 40] = -INFINITY, x[6 * inputs + 80] = NAN;
  for (int i = 0; i < ck_block; i++) x[7 * inputs + ck_block + i] = 0;
  tested->gemv(type, weight, outputs, inputs, x, rows, inputs, found, outputs, scratch);
  plain->gemv(type, weight, outputs, inputs, x, rows, inputs, expected, outputs, scratch);
  for (size_t r = 0; r < rows; r++) compare("gemv", sums, found + r * outputs, expected + r * outputs, outputs);
  free(weight), free(x), free(scratch);
}

static void check_sgemm(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(m_of, 1, 5, 13, 101) EACH(n_of, 1, 9, 37) EACH(k_of, 1, 30, 300) for (int turns = 0; turns < 4; turns++) {
    const size_t m = *m_of, n = *n_of, k = *k_of;
    const int turn_a = turns & 1 ? ck_transpose : ck_no_transpose, turn_b = turns & 2 ? ck_transpose : ck_no_transpose;
    const int lda = (int)(turns & 1 ? m : k), ldb = (int)(turns & 2 ? k : n);
    float *a = random_floats(m * k, -1, 1), *b = random_floats(k * n, -1, 1), *c = random_floats(m * n, -1, 1);
    for (int b_share = 0; b_share < 3; b_share++) {
      float *found = copy(c, m * n), *expected = copy(c, m * n);
      const float beta = 0.5f * (float)b_share;
      tested->sgemm(
          ck_row_major, turn_a, turn_b, (int)m, (int)n, (int)k, 0.7f, a, lda, b, ldb, beta, found, (int)n);
      plain->sgemm(
          ck_row_major, turn_a, turn_b, (int)m, (int)n, (int)k, 0.7f, a, lda, b, ldb, beta, expected, (int)n);
      compare_sums("sgemm", k, found, expected, m * n);
      free(found), free(expected);
    }
    free(a), free(b), free(c);
  }
}

/// The payload of a NaN is nobody's concern.
static void make_one_of_nan(float *x, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (isnan(x[i])) x[i] = NAN;
}

/// Every 16-bit value, and blocks of the quantised types.
static void check_widening(const ck_kernels *tested, const ck_kernels *plain) {
  const size_t all = 1 << 16;
  uint16_t *halves = bytes(all * sizeof *halves);
  for (size_t i = 0; i < all; i++) halves[i] = (uint16_t)i;
  float *found = space(all), *expected = space(all);
  for (ck_type type = ck_bfloat16; type <= ck_float16; type++) EACH(less, 0, 1, 5) {
    tested->widen(type, halves, all - *less, found);
    plain->widen(type, halves, all - *less, expected);
    make_one_of_nan(found, all - *less), make_one_of_nan(expected, all - *less);
    compare_bits("widen", found, expected, (all - *less) * sizeof(float));
  }
  free(halves), free(found), free(expected);
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) {
    const size_t count = 96;
    void *weight = random_weight(plain, type, 1, count);
    float *wide = space(count), *wanted = space(count);
    tested->widen(type, weight, count, wide);
    plain->widen(type, weight, count, wanted);
    compare_bits("widen", wide, wanted, count * sizeof(float));
    free(weight), free(wide), free(wanted);
  }
}

/// Values of all sizes, ties between two narrow values, infinities, NaN and denormals.
static float *awkward_floats(size_t count) {
  float *x = space(count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = random_bits();
    if (i % 3 == 1) bits = (bits & 0xFFFF0000u) | 0x8000u;
    if (i % 3 == 2) bits = (bits & 0x8FFFE000u) | (0x38000000u + (bits & 0x7F000000u) % 0x10000000u) | 0x1000u;
    memcpy(x + i, &bits, sizeof bits);
  }
  return x;
}

static void check_narrowing(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 60001) for (ck_type type = ck_bfloat16; type <= ck_float16; type++) {
    const size_t count = *count_of;
    float *x = awkward_floats(count);
    uint16_t *found = bytes(2 * count), *expected = bytes(2 * count);
    ck_narrowing found_lost = {0}, expected_lost = {0};
    tested->narrow(type, x, count, found, &found_lost);
    plain->narrow(type, x, count, expected, &expected_lost);
    compare_bits("narrow", found, expected, 2 * count);
    compare_bits("narrow", &found_lost, &expected_lost, sizeof found_lost);
    free(x), free(found), free(expected);
  }
}

static void check_quantising(const ck_kernels *tested, const ck_kernels *plain) {
  for (ck_type type = ck_q8_0; type <= ck_q4_0; type++) {
    const size_t count = 64 * ck_block, size = ck_row_bytes(type, count);
    float *x = random_floats(count, -1, 1);
    memset(x + 3 * ck_block, 0, ck_block * sizeof *x);  // a block of zeros, and one that has no scale
    x[7 * ck_block + 5] = INFINITY;
    void *found = bytes(size), *expected = bytes(size);
    ck_quantization found_error = {0}, expected_error = {0};
    tested->quantize(type, x, count, found, &found_error);
    plain->quantize(type, x, count, expected, &expected_error);
    compare_bits("quantize", found, expected, size);
    free(x), free(found), free(expected);
  }
}

static void check_statistics(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 5001) {
    const size_t count = *count_of;
    float *x = awkward_floats(count), *y = copy(x, count);
    for (size_t i = 0; i < count; i += 3) x[i] = uniform(-1, 1), y[i] = uniform(-1, 1);
    ck_statistics found = {.least = INFINITY, .greatest = -INFINITY}, expected = found;
    tested->statistics(x, count, &found);
    plain->statistics(x, count, &expected);
    compare_doubles("statistics", double_sums, found.sum, expected.sum);
    compare_doubles("statistics", double_sums, found.squares, expected.squares);
    found.sum = expected.sum, found.squares = expected.squares;
    if (memcmp(&found, &expected, sizeof found) != 0) note(kernel_named("statistics", double_sums), INFINITY);
    ck_difference found_apart = {0}, expected_apart = {0};
    tested->difference(x, y, count, &found_apart);
    plain->difference(x, y, count, &expected_apart);
    compare_bits("difference", &found_apart, &expected_apart, sizeof found_apart);
    free(x), free(y);
  }
}

typedef void (*on_each)(float *x, size_t count);
typedef void (*on_each_pair)(float *x, const float *y, size_t count);

static void check_on_each(const char *name, on_each tested, on_each plain, float *x, size_t count) {
  float *found = copy(x, count), *expected = copy(x, count);
  tested(found, count), plain(expected, count);
  // One by one, as the results are of very different sizes.
  for (size_t i = 0; i < count; i++) compare(name, functions, found + i, expected + i, 1);
  free(found), free(expected);
}

static void check_on_each_pair(
    const char *name, on_each_pair tested, on_each_pair plain, double tolerance, float *x, const float *y,
    size_t count) {
  float *found = copy(x, count), *expected = copy(x, count);
  tested(found, y, count), plain(expected, y, count);
  for (size_t i = 0; i < count; i++) compare(name, tolerance, found + i, expected + i, 1);
  free(found), free(expected);
}

static void check_elementwise(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 3, 8, 31, 500) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *y = random_floats(count, -20, 20);
    // Beyond the ends of exp as well.
    for (size_t i = 5; i < count; i += 10) x[i] *= 10;
    if (count == 500) x[0] = INFINITY, x[1] = -INFINITY, x[2] = NAN;
    check_on_each("exponential", tested->exponential, plain->exponential, x, count);
    check_on_each("silu", tested->silu, plain->silu, x, count);
    check_on_each("sigmoid", tested->sigmoid, plain->sigmoid, x, count);
    check_on_each_pair("add", tested->add, plain->add, same_bits, x, y, count);
    check_on_each_pair("multiply", tested->multiply, plain->multiply, same_bits, x, y, count);
    check_on_each_pair("multiply_silu", tested->multiply_silu, plain->multiply_silu, functions, x, y, count);
    check_on_each_pair("multiply_sigmoid", tested->multiply_sigmoid, plain->multiply_sigmoid, functions, x, y, count);
    float *found = copy(x, count), *expected = copy(x, count);
    tested->log_sigmoid(found, 0.25f, count), plain->log_sigmoid(expected, 0.25f, count);
    for (size_t i = 0; i < count; i++) compare("log_sigmoid", functions, found + i, expected + i, 1);
    memcpy(found, y, count * sizeof *y), memcpy(expected, y, count * sizeof *y);
    tested->log_sigmoid_gradient(x, 0.25f, count, found), plain->log_sigmoid_gradient(x, 0.25f, count, expected);
    for (size_t i = 0; i < count; i++) compare("log_sigmoid_gradient", functions, found + i, expected + i, 1);
    free(found), free(expected), free(x), free(y);
  }
}

static void check_decays(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(channels_of, 1, 3, 16) EACH(heads_of, 1, 5) for (int is_bound = 0; is_bound < 2; is_bound++) {
    const size_t heads = *heads_of, channels = *channels_of, tokens = 3, count = tokens * heads * channels;
    float *rate = random_floats(heads, -2, 2), *bias = random_floats(heads * channels, -3, 3);
    float *found = random_floats(count, -5, 5), *expected = copy(found, count);
    const float bound = is_bound ? -5 : -INFINITY;
    tested->log_decay(found, rate, bias, bound, tokens, heads, channels);
    plain->log_decay(expected, rate, bias, bound, tokens, heads, channels);
    // In sigmoid(exp(rate) x) the error of the inner exp counts 60 times, by a slope of at most 1/4.
    compare("log_decay", 5 * functions, found, expected, count);
    float *x = random_floats(count, -5, 5), *sums_found = space(2 * heads * channels);
    float *sums_expected = space(2 * heads * channels);
    tested->log_decay_gradient(
        x, rate, bias, bound, tokens, heads, channels, found, sums_found, sums_found + heads * channels);
    plain->log_decay_gradient(
        x, rate, bias, bound, tokens, heads, channels, expected, sums_expected, sums_expected + heads * channels);
    compare("log_decay_gradient", 5 * functions, found, expected, count);
    compare("log_decay_gradient", 5 * functions, sums_found, sums_expected, 2 * heads * channels);
    free(x), free(sums_found), free(sums_expected);
    free(rate), free(bias), free(found), free(expected);
  }
}

static void check_norms(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(width_of, 1, 6, 33, 256) {
    const size_t width = *width_of, groups = 3, count = groups * width;
    float *x = random_floats(count, -1, 1), *gain = random_floats(width, 0.5f, 1.5f);
    float *found = copy(x, count), *expected = copy(x, count);
    tested->rms_norm(x, gain, 1e-5f, groups, width, found);
    plain->rms_norm(x, gain, 1e-5f, groups, width, expected);
    compare("rms_norm", functions, found, expected, count);
    memcpy(found, x, count * sizeof *x), memcpy(expected, x, count * sizeof *x);
    tested->l2_normalize(found, 1e-6f, groups, width);
    plain->l2_normalize(expected, 1e-6f, groups, width);
    compare("l2_normalize", functions, found, expected, count);
    free(x), free(gain), free(found), free(expected);
  }
}

static void check_rotation(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(dimension_of, 2, 6, 34, 64) {
    const size_t dimension = *dimension_of, heads = 3, count = heads * dimension;
    float *cosine = random_floats(dimension / 2, -1, 1), *sine = random_floats(dimension / 2, -1, 1);
    float *found = random_floats(count, -1, 1), *expected = copy(found, count);
    tested->rotate(found, heads, dimension, cosine, sine), plain->rotate(expected, heads, dimension, cosine, sine);
    compare("rotate", functions, found, expected, count);
    tested->rotate_back(found, heads, dimension, cosine, sine);
    plain->rotate_back(expected, heads, dimension, cosine, sine);
    compare("rotate_back", functions, found, expected, count);
    free(cosine), free(sine), free(found), free(expected);
  }
}

static void check_convolution(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(channels_of, 1, 7, 64) EACH(tokens_of, 1, 2, 9) EACH(kernel_of, 2, 4) {
    const size_t channels = *channels_of, tokens = *tokens_of, kernel = *kernel_of, stride = channels + 2;
    const size_t count = (tokens - 1) * stride + channels, kept = (kernel - 2) * stride + channels;
    float *x = random_floats(count, -1, 1), *weight = random_floats(channels * kernel, -1, 1);
    float *found = copy(x, count), *expected = copy(x, count), *scratch = space(kernel * ck_convolution_channels);
    float *history = random_floats(kept, -1, 1), *wanted = copy(history, kept);
    tested->convolution(x, tokens, channels, stride, weight, kernel, history, found, scratch);
    plain->convolution(x, tokens, channels, stride, weight, kernel, wanted, expected, scratch);
    compare("convolution", functions, found, expected, count);
    compare("convolution", functions, history, wanted, kept);
    float *gradient = random_floats(count, -1, 1), *taps_found = space(kernel * ck_convolution_channels);
    float *taps_expected = space(kernel * ck_convolution_channels);
    tested->convolution_gradient(x, gradient, tokens, channels, stride, weight, kernel, found, taps_found, scratch);
    plain->convolution_gradient(x, gradient, tokens, channels, stride, weight, kernel, expected, taps_expected, scratch);
    compare("convolution_gradient", functions, found, expected, count);
    compare("convolution_gradient", functions, taps_found, taps_expected, kernel * ck_convolution_channels);
    free(gradient), free(taps_found), free(taps_expected);
    free(x), free(weight), free(found), free(expected), free(scratch), free(history), free(wanted);
  }
}

static void check_attention(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 33, 64, 72) EACH(count_of, 1, 9, 100, 256) {
    const size_t dimension = *dimension_of, count = *count_of, stride = dimension + 1;
    void *keys = random_weight(plain, type, count, dimension), *values = random_weight(plain, type, count, dimension);
    EACH(group_of, 1, 2, 3, 4, 9) {
      const size_t group = *group_of, part = dimension + 2;
      float *query = random_floats((group - 1) * stride + dimension, -1, 1), *scratch = space(ck_attend_scratch(group, dimension, count));
      // Two parts, the second of half the keys.
      float *found = space(2 * group * part), *expected = space(2 * group * part);
      for (size_t p = 0; p < 2; p++) {
        ck_attention_part call = {
            .type = type, .group = group, .dimension = dimension, .query = query, .query_stride = stride, .keys = keys,
            .values = values, .count = p ? (count + 1) / 2 : count, .next_keys = keys, .next_count = count, .scale = 0.3f};
        tested->attend(&call, scratch, found + p * group * part);
        plain->attend(&call, scratch, expected + p * group * part);
      }
      compare("attend", sums, found, expected, 2 * group * part);
      float *out = space(dimension), *wanted = space(dimension);
      tested->combine(expected, 2, group * part, dimension, out);
      plain->combine(expected, 2, group * part, dimension, wanted);
      compare("combine", functions, out, wanted, dimension);
      free(query), free(scratch), free(found), free(expected), free(out), free(wanted);
    }
    free(keys), free(values);
  }
}

static void check_attention_blocks(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 64) EACH(rows_of, 1, 13, 64) EACH(position_of, 0, 5, 300) EACH(window_of, 7, 280, SIZE_MAX - 1) {
    const size_t dimension = *dimension_of, rows = *rows_of, position = *position_of, group = 3;
    const size_t cached = position + rows, stride = group * dimension + 5, count = (rows - 1) * stride + group * dimension;
    void *keys = random_weight(plain, type, cached, dimension), *values = random_weight(plain, type, cached, dimension);
    float *query = random_floats(count, -1, 1), *found = copy(query, count), *expected = copy(query, count);
    float *scratch = space(ck_attention_scratch(group, rows, dimension));
    ck_attention_block call = {
        .type = type, .group = group, .rows = rows, .dimension = dimension, .query = query, .query_stride = stride,
        .keys = keys, .values = values, .position = position, .window = *window_of, .sinks = 2, .scale = 0.3f};
    call.out = found, tested->attend_block(&call, scratch);
    call.out = expected, plain->attend_block(&call, scratch);
    compare("attend_block", sums, found, expected, count);
    free(keys), free(values), free(query), free(found), free(expected), free(scratch);
  }
}

static void check_attention_gradients(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 64) EACH(rows_of, 1, 97, 300) EACH(window_of, 1, 70, SIZE_MAX - 1) EACH(sinks_of, 0, 2) {
    const size_t dimension = *dimension_of, rows = *rows_of, group = 3, stride = group * dimension + 5;
    const size_t key_stride = dimension + 3, count = (rows - 1) * stride + group * dimension;
    const size_t key_count = (rows - 1) * key_stride + dimension;
    void *keys = random_weight(plain, type, rows, dimension), *values = random_weight(plain, type, rows, dimension);
    float *query = random_floats(count, -1, 1), *gradient = random_floats(count, -1, 1);
    float *query_found = copy(query, count), *query_expected = copy(query, count);
    float *found = random_floats(2 * key_count, -1, 1), *expected = copy(found, 2 * key_count);
    float *scratch = space(ck_attention_gradient_scratch(rows, dimension));
    ck_attention_gradient call = {
        .forward = {.type = type, .group = group, .rows = rows, .dimension = dimension, .query = query,
                    .query_stride = stride, .keys = keys, .values = values, .window = *window_of, .sinks = *sinks_of,
                    .scale = 0.3f, .out = query_found},
        .out_gradient = gradient, .key_stride = key_stride};
    call.query_gradient = query_found, call.key_gradient = found, call.value_gradient = found + key_count;
    tested->attention_gradient(&call, scratch);
    call.query_gradient = query_expected, call.key_gradient = expected, call.value_gradient = expected + key_count;
    plain->attention_gradient(&call, scratch);
    compare("attention_gradient", sums, query_found, query_expected, count);
    compare("attention_gradient", sums, found, expected, key_count);
    compare("attention_gradient", sums, found + key_count, expected + key_count, key_count);
    free(keys), free(values), free(query), free(gradient), free(query_found), free(query_expected);
    free(found), free(expected), free(scratch);
  }
}

/// What a gradient of a recurrence writes: of queries, keys, values, decays, strengths, the first state.
static void recurrence_results(ck_recurrence_gradient *call, float *results, size_t count) {
  call->query_gradient = results, call->key_gradient = results + count, call->value_gradient = results + 2 * count;
  call->decay_gradient = results + 3 * count;
  if (call->forward.beta) call->beta_gradient = results + 4 * count;
  call->initial_gradient = results + 5 * count;
}

static void check_recurrence_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(rows_of, 5, 64) EACH(columns_of, 3, 16, 37, 70) EACH(tokens_of, 1, 16, 37) for (int form = 0; form < 8; form++) {
    const size_t rows = *rows_of, columns = *columns_of, tokens = *tokens_of, stride = 80, count = tokens * stride;
    const int per_channel = form & 1, delta = form >> 1 & 1, is_alone = form >> 2;
    const size_t state = rows * columns, all = 5 * count + state;
    float *operands = random_floats(4 * count, -1, 1), *decay = random_floats(count, -0.7f, 0);
    float *beta = random_floats(tokens, 0, 1), *states = random_floats(2 * state, -1, 1);
    float *query = operands, *key = operands + count, *value = operands + 2 * count;
    // The delta rule asks for keys of length one.
    for (size_t t = 0; t < tokens; t++) plain->l2_normalize(key + t * stride, 1e-6f, 1, rows);
    float *found = random_floats(all, -1, 1), *expected = copy(found, all);
    ck_recurrence_gradient call = {
        .forward = {.tokens = tokens, .key_dimension = rows, .value_dimension = columns, .query = query,
                    .query_stride = stride, .key = key, .key_stride = stride, .value = value, .value_stride = stride,
                    .log_decay = decay, .log_decay_stride = per_channel ? stride : 1, .per_channel = per_channel,
                    .beta = delta ? beta : NULL, .beta_stride = 1, .scale = 0.3f, .state = states, .out = value,
                    .out_stride = stride},
        .out_gradient = operands + 3 * count, .initial_state = is_alone ? NULL : states,
        .final_gradient = is_alone ? NULL : states + state, .adding = is_alone};
    float *scratch = space(ck_recurrence_gradient_scratch(tokens, rows, columns));
    recurrence_results(&call, found, count), tested->linear_recurrence_gradient(&call, scratch);
    recurrence_results(&call, expected, count), plain->linear_recurrence_gradient(&call, scratch);
    for (size_t i = 0; i < all; i += count)
      compare("linear_recurrence_gradient", sums, found + i, expected + i, all - i < count ? all - i : count);
    if (delta && !per_channel) {
      float *chunk = space(ck_delta_rule_gradient_scratch(tokens, 13, rows, columns));
      recurrence_results(&call, found, count), tested->delta_rule_gradient(&call, 13, chunk);
      recurrence_results(&call, expected, count), plain->delta_rule_gradient(&call, 13, chunk);
      for (size_t i = 0; i < all; i += count)
        compare("delta_rule_gradient", sums, found + i, expected + i, all - i < count ? all - i : count);
      free(chunk);
    }
    free(operands), free(decay), free(beta), free(states), free(found), free(expected), free(scratch);
  }
}

static void check_recurrences(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(rows_of, 5, 64) EACH(columns_of, 3, 16, 37, 70) EACH(tokens_of, 1, 16, 37) for (int form = 0; form < 4; form++) {
    const size_t rows = *rows_of, columns = *columns_of, tokens = *tokens_of, stride = 80;
    const int per_channel = form & 1, delta = form >> 1;
    float *query = random_floats(tokens * stride, -1, 1), *key = random_floats(tokens * stride, -1, 1);
    float *value = random_floats(tokens * stride, -1, 1), *decay = random_floats(tokens * stride, -0.7f, 0);
    float *beta = random_floats(tokens, 0, 1), *first = random_floats(rows * columns, -1, 1);
    // The delta rule asks for keys of length one.
    for (size_t t = 0; t < tokens; t++) plain->l2_normalize(key + t * stride, 1e-6f, 1, rows);
    float *state = copy(first, rows * columns), *wanted_state = copy(first, rows * columns);
    float *found = space(tokens * stride), *expected = space(tokens * stride);
    memset(found, 0, tokens * stride * sizeof(float)), memset(expected, 0, tokens * stride * sizeof(float));
    ck_linear_recurrence call = {
        .tokens = tokens, .key_dimension = rows, .value_dimension = columns, .query = query, .query_stride = stride,
        .key = key, .key_stride = stride, .value = value, .value_stride = stride, .log_decay = decay,
        .log_decay_stride = per_channel ? stride : 1, .per_channel = per_channel, .beta = delta ? beta : NULL,
        .beta_stride = 1, .scale = 0.3f, .state = state, .out = found, .out_stride = stride};
    ck_linear_recurrence wanted = call;
    wanted.state = wanted_state, wanted.out = expected;
    float *scratch = space(ck_recurrence_scratch(rows));
    // In two calls, as threads share out columns.
    const size_t half = columns / 2;
    tested->linear_recurrence(&call, 0, half, scratch), tested->linear_recurrence(&call, half, columns - half, scratch);
    plain->linear_recurrence(&wanted, 0, columns, scratch);
    compare("linear_recurrence", sums, found, expected, tokens * stride);
    compare("linear_recurrence", sums, state, wanted_state, rows * columns);
    if (delta && !per_channel) {
      memcpy(state, first, rows * columns * sizeof *first), memcpy(wanted_state, first, rows * columns * sizeof *first);
      float *chunk = space(ck_chunk_scratch(16, rows, columns));
      tested->delta_rule_chunked(&call, 16, tested->sgemm, chunk);
      plain->delta_rule_chunked(&wanted, 16, plain->sgemm, chunk);
      compare("delta_rule_chunked", sums, found, expected, tokens * stride);
      compare("delta_rule_chunked", sums, state, wanted_state, rows * columns);
      free(chunk);
    }
    free(query), free(key), free(value), free(decay), free(beta), free(first), free(state), free(wanted_state);
    free(found), free(expected), free(scratch);
  }
}

static void check_judgement(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 5001) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *y = random_floats(count, -20, 20);
    compare_doubles(
        "log_sum_exp", functions, tested->log_sum_exp(x, count), plain->log_sum_exp(x, count));
    const float sum = tested->read(x, count), wanted = plain->read(x, count);
    compare_sums("read", count, &sum, &wanted, 1);
    // The divergence of one value from itself is zero but for rounding.
    if (count > 1)
      compare_doubles(
          "divergence", functions, tested->divergence(x, y, count), plain->divergence(x, y, count));
    free(x), free(y);
  }
}

// MARK: derivatives

static void check_input_gradients(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  // A stride of whole pages among them.
  EACH(outputs_of, 1, 7, 100, 403, 800) EACH(inputs_of, 1, 3, 37, 100, 230) EACH(stride_of, 0, 1024) {
    const size_t outputs = *outputs_of, stride = *stride_of ? *stride_of : outputs + 3;
    const size_t inputs = is_quantised(type) ? (*inputs_of + ck_block - 1) / ck_block * ck_block : *inputs_of;
    void *weight = random_weight(plain, type, outputs, inputs);
    EACH(rows_of, 1, 5, 12, 29) for (int part = 0; part < 2; part++) {
      const size_t rows = *rows_of, first = part ? inputs / 2 / ck_block * ck_block : 0;
      const size_t columns = part ? (inputs - first) / 2 / ck_block * ck_block : inputs;
      if (columns == 0) continue;
      const size_t out_stride = columns + 2, results = (rows - 1) * out_stride + columns;
      float *gradient = random_floats((rows - 1) * stride + outputs, -1, 1);
      float *found = random_floats(results, -1, 1), *expected = copy(found, results);
      float *scratch = space(ck_input_gradient_scratch(rows));
      for (int accumulate = 0; accumulate < 2; accumulate++) {
        tested->linear_input_gradient(
            type, weight, outputs, inputs, first, columns, gradient, rows, stride, found, out_stride, accumulate, scratch);
        plain->linear_input_gradient(
            type, weight, outputs, inputs, first, columns, gradient, rows, stride, expected, out_stride, accumulate,
            scratch);
        compare_sums("linear_input_gradient", outputs, found, expected, results);
      }
      free(gradient), free(found), free(expected), free(scratch);
    }
    free(weight);
  }
}

static void check_weight_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(tokens_of, 1, 5, 100, 256, 600) EACH(outputs_of, 1, 6, 12, 13, 40) EACH(inputs_of, 1, 16, 33, 100) {
    const size_t tokens = *tokens_of, outputs = *outputs_of, inputs = *inputs_of;
    const size_t out_stride = inputs + 2, results = (outputs - 1) * out_stride + inputs;
    float *gradient = random_floats((tokens - 1) * (outputs + 1) + outputs, -1, 1);
    float *x = random_floats((tokens - 1) * (inputs + 3) + inputs, -1, 1);
    float *found = random_floats(results, -1, 1), *expected = copy(found, results);
    float *scratch = space(ck_weight_gradient_scratch(outputs));
    tested->linear_weight_gradient(
        gradient, outputs, outputs + 1, x, inputs, inputs + 3, tokens, found, out_stride, scratch);
    plain->linear_weight_gradient(
        gradient, outputs, outputs + 1, x, inputs, inputs + 3, tokens, expected, out_stride, scratch);
    compare_sums("linear_weight_gradient", tokens, found, expected, results);
    free(gradient), free(x), free(found), free(expected), free(scratch);
  }
}

static void check_row_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(width_of, 1, 6, 33, 256) for (int has_gain = 0; has_gain < 2; has_gain++) {
    const size_t width = *width_of, groups = 5, count = groups * width;
    float *x = random_floats(count, -1, 1), *gain = random_floats(width, 0.5f, 1.5f);
    float *gradient = random_floats(count, -1, 1), *before = random_floats(width, -1, 1);
    float *found = copy(gradient, count), *expected = copy(gradient, count);
    float *gain_found = copy(before, width), *gain_expected = copy(before, width);
    tested->rms_norm_gradient(
        x, gain, 1e-5f, gradient, groups, width, found, has_gain ? gain_found : NULL);
    plain->rms_norm_gradient(
        x, gain, 1e-5f, gradient, groups, width, expected, has_gain ? gain_expected : NULL);
    // Of one column, what reaches x is all but nothing, and a gain's sum over rows may cancel: the scale is what went in.
    compare_scaled("rms_norm_gradient", functions, 1, found, expected, count);
    compare_scaled("rms_norm_gradient", functions, 1, gain_found, gain_expected, width);
    memcpy(found, gradient, count * sizeof *x), memcpy(expected, gradient, count * sizeof *x);
    tested->scale_gradient(x, gain, found, groups, width, has_gain ? gain_found : NULL);
    plain->scale_gradient(x, gain, expected, groups, width, has_gain ? gain_expected : NULL);
    compare("scale_gradient", functions, found, expected, count);
    compare_scaled("scale_gradient", functions, 1, gain_found, gain_expected, width);
    memcpy(found, gradient, count * sizeof *x), memcpy(expected, gradient, count * sizeof *x);
    tested->l2_normalize_gradient(x, 1e-6f, found, groups, width);
    plain->l2_normalize_gradient(x, 1e-6f, expected, groups, width);
    compare_scaled("l2_normalize_gradient", functions, 1, found, expected, count);
    memcpy(gain_found, before, width * sizeof *x), memcpy(gain_expected, before, width * sizeof *x);
    tested->add_rows(x, groups, width, width, gain_found), plain->add_rows(x, groups, width, width, gain_expected);
    compare("add_rows", same_bits, gain_found, gain_expected, width);
    free(x), free(gain), free(gradient), free(before), free(found), free(expected), free(gain_found);
    free(gain_expected);
  }
}

typedef void (*gradient_of_gated)(const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count);

static void check_gated_gradient(
    const char *name, gradient_of_gated tested, gradient_of_gated plain, const float *x, const float *gate,
    const float *gradient, size_t count) {
  float *found = copy(gradient, count), *expected = copy(gradient, count), *gates = space(count), *wanted = space(count);
  tested(x, gate, found, gates, count), plain(x, gate, expected, wanted, count);
  for (size_t i = 0; i < count; i++) {
    compare(name, functions, found + i, expected + i, 1);
    // Where SiLU is least, its slope is a difference.
    compare_scaled(name, functions, fabsf(gradient[i] * x[i]), gates + i, wanted + i, 1);
  }
  free(found), free(expected), free(gates), free(wanted);
}

static void check_activation_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 3, 8, 31, 500) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *gate = random_floats(count, -20, 20), *y = random_floats(count, 0, 1);
    for (size_t i = 5; i < count; i += 10) gate[i] *= 10;
    float *gradient = random_floats(count, -1, 1), *found = copy(gradient, count), *expected = copy(gradient, count);
    tested->silu_gradient(x, found, count), plain->silu_gradient(x, expected, count);
    compare("silu_gradient", functions, found, expected, count);
    tested->sigmoid_gradient(y, found, count), plain->sigmoid_gradient(y, expected, count);
    compare("sigmoid_gradient", functions, found, expected, count);
    check_gated_gradient(
        "multiply_silu_gradient", tested->multiply_silu_gradient, plain->multiply_silu_gradient, x, gate, gradient,
        count);
    check_gated_gradient(
        "multiply_sigmoid_gradient", tested->multiply_sigmoid_gradient, plain->multiply_sigmoid_gradient, x, gate,
        gradient, count);
    free(x), free(gate), free(y), free(gradient), free(found), free(expected);
  }
}

static void check_losses(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 2, 7, 50, 5001) EACH(apart_of, 1, 40) {
    const size_t count = *count_of;
    float *teacher = random_floats(count, -20, 20), *student = copy(teacher, count);
    const float apart = (float)*apart_of / 2;
    for (size_t i = 0; i < count; i++) student[i] += uniform(-apart, apart);
    if (count > 7) teacher[3] = -INFINITY;
    float *found = copy(student, count), *expected = copy(student, count);
    double loss = tested->divergence_gradient(teacher, found, count, 2, 0.1f);
    double wanted = plain->divergence_gradient(teacher, expected, count, 2, 0.1f);
    compare_doubles("divergence_gradient", functions, loss, wanted);
    compare("divergence_gradient", functions, found, expected, count);

    const size_t entries = count / 2 < 9 ? count / 2 : 9;
    int32_t ids[9];
    float logarithms[9], listed[9];
    for (size_t k = 0; k < entries; k++) ids[k] = (int32_t)(2 * k), logarithms[k] = -3 - (float)k;
    memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
    loss = tested->sparse_divergence_gradient(found, count, ids, logarithms, entries, 0.1f, listed);
    wanted = plain->sparse_divergence_gradient(expected, count, ids, logarithms, entries, 0.1f, listed);
    compare_doubles("sparse_divergence_gradient", functions, loss, wanted);
    compare("sparse_divergence_gradient", functions, found, expected, count);

    memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
    loss = tested->cross_entropy_gradient(found, count, 1, 0.1f);
    wanted = plain->cross_entropy_gradient(expected, count, 1, 0.1f);
    compare_doubles("cross_entropy_gradient", functions, loss, wanted);
    compare("cross_entropy_gradient", functions, found, expected, count);

    teacher[count / 2] = 1;
    if (count > 7) teacher[3] = 2;
    for (int squared = 0; squared < 2; squared++) {
      memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
      loss = tested->distance_gradient(teacher, found, count, squared, 0.1f);
      wanted = plain->distance_gradient(teacher, expected, count, squared, 0.1f);
      compare_doubles("distance_gradient", functions, loss, wanted);
      compare("distance_gradient", functions, found, expected, count);
    }
    free(teacher), free(student), free(found), free(expected);
  }
}

static void check_optimizer(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 501) {
    const size_t count = *count_of;
    const ck_adam_step step = {
        .rate = 1e-2f, .gradient_scale = 0.5f, .mean_keep = 0.9f, .mean_share = 0.1f, .variance_keep = 0.95f,
        .variance_share = 0.05f, .mean_factor = 2, .variance_factor = 3, .epsilon = 1e-8f, .weight_decay = 0.1f};
    float *gradient = random_floats(count, -1, 1), *found[3], *expected[3];
    for (int i = 0; i < 3; i++) found[i] = random_floats(count, 0, 1), expected[i] = copy(found[i], count);
    tested->adam_step(&step, found[0], gradient, found[1], found[2], count);
    plain->adam_step(&step, expected[0], gradient, expected[1], expected[2], count);
    for (int i = 0; i < 3; i++) compare("adam_step", functions, found[i], expected[i], count);
    compare_doubles(
        "sum_of_squares", double_sums, tested->sum_of_squares(gradient, count), plain->sum_of_squares(gradient, count));
    free(gradient);
    for (int i = 0; i < 3; i++) free(found[i]), free(expected[i]);
  }
}

// MARK: the run

struct levels {
  const ck_kernels *tested, *plain;
};

static void check_all(void *context, size_t item, size_t thread) {
  (void)item, (void)thread;
  const ck_kernels *tested = ((struct levels *)context)->tested, *plain = ((struct levels *)context)->plain;
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) check_products(tested, plain, type);
  for (ck_type type = ck_q8_0; type <= ck_q4_0; type++) check_rounding(tested, plain, type);
  check_sgemm(tested, plain);
  check_widening(tested, plain);
  check_narrowing(tested, plain);
  check_quantising(tested, plain);
  check_statistics(tested, plain);
  check_elementwise(tested, plain);
  check_decays(tested, plain);
  check_norms(tested, plain);
  check_rotation(tested, plain);
  check_convolution(tested, plain);
  for (ck_type type = ck_float32; type <= ck_bfloat16; type++) {
    check_attention(tested, plain, type);
    check_attention_blocks(tested, plain, type);
    check_attention_gradients(tested, plain, type);
  }
  check_recurrences(tested, plain);
  check_recurrence_gradients(tested, plain);
  check_judgement(tested, plain);
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) check_input_gradients(tested, plain, type);
  check_weight_gradients(tested, plain);
  check_row_gradients(tested, plain);
  check_activation_gradients(tested, plain);
  check_losses(tested, plain);
  check_optimizer(tested, plain);
}

static const struct {
  const char *name;
  ck_level level;
} levels[] = {{"portable", ck_level_portable}, {"avx2", ck_level_avx2}, {"avx512", ck_level_avx512}, {"neon", ck_level_neon}};

int main(int count, char **arguments) {
  struct levels pair = {NULL, ck_kernels_of(ck_level_portable)};
  for (size_t i = 0; count > 1 && i < sizeof levels / sizeof *levels; i++)
    if (strcmp(arguments[1], levels[i].name) == 0) pair.tested = ck_kernels_of(levels[i].level);
  if (!pair.tested || !pair.plain) {
    fprintf(stderr, "levels: %s is no instruction set of this machine\n", count > 1 ? arguments[1] : "nothing");
    return 2;
  }
  spoils = count > 2 && strcmp(arguments[2], "spoil") == 0;
  // As in the program: denormals count as zeros.
  ck_pool *pool = ck_pool_create(1);
  if (!pool) return 2;
  ck_pool_run(pool, 1, check_all, &pair);
  ck_pool_destroy(pool);

  const size_t all = sizeof kernels / sizeof *kernels;
  size_t failures = 0;
  for (size_t i = 0; i < kernel_count; i++) {
    const int fails = !(kernels[i].difference <= kernels[i].tolerance);
    failures += (size_t)fails;
    if (!spoils)
      printf(
          "  %-26s %9zu values, apart by at most %.1e of %.1e%s\n", kernels[i].name, kernels[i].values,
          kernels[i].difference, kernels[i].tolerance, fails ? "  FAILED" : "");
  }
  if (kernel_count != all) {
    fprintf(stderr, "levels: %zu of %zu kernels were compared\n", kernel_count, all);
    return 1;
  }
  if (spoils) {
    printf("  %zu of %zu spoilt kernels were noticed\n", failures, all);
    return failures == all ? 0 : 1;
  }
  return failures == 0 ? 0 : 1;
}
