// Softmax attention: a few queries against many keys, and the running softmax of blocks of queries.
//
// Keys and values are read in the type of the cache; sums are float32.

/// Turns scores into `exp(score - greatest)` and returns their sum. `greatest` is at least the greatest of them.
static float weigh(float *scores, size_t count, float greatest) {
  if (greatest == -INFINITY) {
    memset(scores, 0, count * sizeof(float));
    return 0;
  }
  floats sum = 0;
  size_t n = 0;
  for (; n + WIDTH <= count; n += WIDTH) {
    floats weight = exp_of_negative(load(scores + n) - greatest);
    store(scores + n, weight);
    sum += weight;
  }
  if (n < count) {
    floats weight = exp_of_negative(load_first(scores + n, count - n) - greatest);
    store_first(scores + n, weight, count - n);
    sum += load_first(scores + n, count - n);
  }
  return sum_of(sum);
}

/// Values that are summed before those after them are read: what has come from memory is in the first-level cache for all
/// parts of a row, and the next comes while these are computed with. A third faster than whole columns.
#define GATHER_BLOCK 16

/// `out[q, first ...] += sum_n weights[q, n] values[n, first ...]` for a few queries and vectors, both constants.
INLINE void gather_tile(
    ck_type type, int queries, int vectors, const float *weights, size_t weight_stride, const char *values,
    size_t first, size_t count, size_t dimension, float *out, size_t out_stride) {
  floats sum[4][4];
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[q][v] = load(out + (size_t)q * out_stride + first + (size_t)v * WIDTH);
  for (size_t n = 0; n < count; n++, values += ck_row_bytes(type, dimension)) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats value = load_weights(type, values, first + (size_t)v * WIDTH);
#pragma clang loop unroll(full)
      for (int q = 0; q < queries; q++)
        sum[q][v] = multiply_add((floats)weights[(size_t)q * weight_stride + n], value, sum[q][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      store(out + (size_t)q * out_stride + first + (size_t)v * WIDTH, sum[q][v]);
}

/// `out[q] = sum_n weights[q, n] values[n]`.
INLINE void gather_values(
    ck_type type, int queries, const float *weights, size_t weight_stride, const char *values, size_t count,
    size_t dimension, float *out, size_t out_stride) {
  // As many accumulators as registers hold beside a value and the weights.
  const int vectors = REGISTERS == 32 || queries <= 2 ? 4 : 2;
  for (int q = 0; q < queries; q++) memset(out + (size_t)q * out_stride, 0, dimension * sizeof *out);
  for (size_t n = 0; n < count; n += GATHER_BLOCK) {
    const size_t block = count - n < GATHER_BLOCK ? count - n : GATHER_BLOCK;
    const char *rows = values + n * ck_row_bytes(type, dimension);
    size_t i = 0;
    for (; i + (size_t)vectors * WIDTH <= dimension; i += (size_t)vectors * WIDTH)
      gather_tile(type, queries, vectors, weights + n, weight_stride, rows, i, block, dimension, out, out_stride);
    for (; i + WIDTH <= dimension; i += WIDTH)
      gather_tile(type, queries, 1, weights + n, weight_stride, rows, i, block, dimension, out, out_stride);
  }
  const size_t whole = dimension / WIDTH * WIDTH, rest = dimension - whole;
  if (rest)
    for (int q = 0; q < queries; q++) {
      floats sum = 0;
      for (size_t n = 0; n < count; n++)
        sum = multiply_add(
            (floats)weights[(size_t)q * weight_stride + n],
            load_first_weights(type, values, n * dimension + whole, rest), sum);
      store_first(out + (size_t)q * out_stride + whole, sum, rest);
    }
}

/// Queries times the scale, one after the other: scores need no pass of their own for it.
static void scale_queries(
    const float *query, size_t count, size_t stride, size_t dimension, float scale, float *scaled) {
  for (size_t q = 0; q < count; q++)
    for (size_t i = 0; i < dimension; i++) scaled[q * dimension + i] = scale * query[q * stride + i];
}

INLINE void attend_of_type(
    ck_type type, const float *query, size_t group, size_t query_stride, size_t dimension, const void *keys,
    const void *values, size_t count, float scale, float *scratch, float *partial) {
  const size_t part = dimension + 2;
  float *scaled = scratch, *scores = scratch + group * dimension;
  scale_queries(query, group, query_stride, dimension, scale, scaled);
  for (size_t q = 0; q < group; q += ck_gemv_rows) {
    const size_t rows = group - q < ck_gemv_rows ? group - q : ck_gemv_rows;
    gemv_of_type(type, keys, count, dimension, scaled + q * dimension, rows, dimension, scores + q * count, count);
  }
  for (size_t q = 0; q < group; q++) {
    float *row = scores + q * count;
    partial[q * part] = greatest_in_row(row, count);
    partial[q * part + 1] = weigh(row, count, partial[q * part]);
  }
  size_t q = 0;
#define GATHER(QUERIES)                                                                              \
  gather_values(type, QUERIES, scores + q * count, count, values, count, dimension, partial + q * part + 2, part)
  for (; q + 4 <= group; q += 4) GATHER(4);
  if (group - q == 3) GATHER(3);
  if (group - q == 2) GATHER(2);
  if (group - q == 1) GATHER(1);
#undef GATHER
}

static void attend(
    ck_type type, const float *query, size_t group, size_t query_stride, size_t dimension, const void *keys,
    const void *values, size_t count, float scale, float *scratch, float *partial) {
  if (type == ck_float32)
    attend_of_type(ck_float32, query, group, query_stride, dimension, keys, values, count, scale, scratch, partial);
  else
    attend_of_type(ck_bfloat16, query, group, query_stride, dimension, keys, values, count, scale, scratch, partial);
}

static void combine(const float *partial, size_t parts, size_t part_stride, size_t dimension, float *out) {
  float greatest = -INFINITY, sum = 0;
  for (size_t p = 0; p < parts; p++)
    greatest = partial[p * part_stride] > greatest ? partial[p * part_stride] : greatest;
  memset(out, 0, dimension * sizeof(float));
  for (size_t p = 0; p < parts; p++) {
    const float *part = partial + p * part_stride;
    float factor = part[0] == -INFINITY ? 0 : expf(part[0] - greatest);
    sum += factor * part[1];
    for (size_t i = 0; i < dimension; i++) out[i] += factor * part[2 + i];
  }
  float inverse = 1.0f / sum;
  for (size_t i = 0; i < dimension; i++) out[i] *= inverse;
}
