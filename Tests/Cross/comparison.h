// What results may differ by, how they are compared, and random operands.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../Sources/CKernels/levels.h"

// Tolerances are relative to the greatest result of a call.

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
