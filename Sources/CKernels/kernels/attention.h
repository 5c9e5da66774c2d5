// Softmax attention: a few queries against many keys, and the running softmax of the blocked form.

/// Scores of one query against `count` keys.
static void score_keys(const float *query, size_t dimension, const float *keys, size_t count, float scale, float *scores) {
  size_t n = 0;
  for (; n + 4 <= count; n += 4) {
    const float *key = keys + n * dimension;
    floats sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    size_t i = 0;
    for (; i + WIDTH <= dimension; i += WIDTH) {
      floats q = load(query + i);
      sum0 = multiply_add(q, load(key + i), sum0);
      sum1 = multiply_add(q, load(key + dimension + i), sum1);
      sum2 = multiply_add(q, load(key + 2 * dimension + i), sum2);
      sum3 = multiply_add(q, load(key + 3 * dimension + i), sum3);
    }
    if (i < dimension) {
      size_t rest = dimension - i;
      floats q = load_first(query + i, rest);
      sum0 = multiply_add(q, load_first(key + i, rest), sum0);
      sum1 = multiply_add(q, load_first(key + dimension + i, rest), sum1);
      sum2 = multiply_add(q, load_first(key + 2 * dimension + i, rest), sum2);
      sum3 = multiply_add(q, load_first(key + 3 * dimension + i, rest), sum3);
    }
    floats4 sums = sums_of(sum0, sum1, sum2, sum3) * scale;
    memcpy(scores + n, &sums, sizeof sums);
  }
  for (; n < count; n++) {
    float sum = 0;
    for (size_t i = 0; i < dimension; i++) sum += query[i] * keys[n * dimension + i];
    scores[n] = sum * scale;
  }
}

/// Turns scores into `exp(score - greatest)` and returns their sum.
static float weigh(float *scores, size_t count, float greatest) {
  if (greatest == -INFINITY) {
    memset(scores, 0, count * sizeof(float));
    return 0;
  }
  floats sum = 0;
  size_t n = 0;
  for (; n + WIDTH <= count; n += WIDTH) {
    floats weight = exp_of(load(scores + n) - greatest);
    store(scores + n, weight);
    sum += weight;
  }
  if (n < count) {
    floats weight = exp_of(load_first(scores + n, count - n) - greatest);
    store_first(scores + n, weight, count - n);
    sum += load_first(scores + n, count - n);
  }
  return sum_of(sum);
}

/// `out[q, first ...] = sum_n weights[q, n] values[n, first ...]` for a few queries and vectors, both constants.
INLINE void gather_tile(
    int queries, int vectors, const float *weights, size_t weight_stride, const float *values, size_t count,
    size_t dimension, float *out, size_t out_stride) {
  floats sum[4][4];
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[q][v] = 0;
  for (size_t n = 0; n < count; n++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats value = load(values + n * dimension + (size_t)v * WIDTH);
#pragma clang loop unroll(full)
      for (int q = 0; q < queries; q++)
        sum[q][v] = multiply_add((floats)weights[(size_t)q * weight_stride + n], value, sum[q][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) store(out + (size_t)q * out_stride + (size_t)v * WIDTH, sum[q][v]);
}

INLINE void gather_values(
    int queries, const float *weights, size_t weight_stride, const float *values, size_t count, size_t dimension,
    float *out, size_t out_stride) {
  size_t i = 0;
  for (; i + 4 * WIDTH <= dimension; i += 4 * WIDTH)
    gather_tile(queries, 4, weights, weight_stride, values + i, count, dimension, out + i, out_stride);
  for (; i + WIDTH <= dimension; i += WIDTH)
    gather_tile(queries, 1, weights, weight_stride, values + i, count, dimension, out + i, out_stride);
  for (; i < dimension; i++)
    for (int q = 0; q < queries; q++) {
      float sum = 0;
      for (size_t n = 0; n < count; n++) sum += weights[(size_t)q * weight_stride + n] * values[n * dimension + i];
      out[(size_t)q * out_stride + i] = sum;
    }
}

static void attend(
    const float *query, size_t group, size_t query_stride, size_t dimension, const float *keys, const float *values,
    size_t count, float scale, float *scratch, float *partial) {
  const size_t part = dimension + 2;
  for (size_t q = 0; q < group; q++) {
    float *scores = scratch + q * count;
    score_keys(query + q * query_stride, dimension, keys, count, scale, scores);
    partial[q * part] = greatest_in_row(scores, count);
    partial[q * part + 1] = weigh(scores, count, partial[q * part]);
  }
  size_t q = 0;
  for (; q + 4 <= group; q += 4)
    gather_values(4, scratch + q * count, count, values, count, dimension, partial + q * part + 2, part);
  for (; q + 2 <= group; q += 2)
    gather_values(2, scratch + q * count, count, values, count, dimension, partial + q * part + 2, part);
  for (; q < group; q++)
    gather_values(1, scratch + q * count, count, values, count, dimension, partial + q * part + 2, part);
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

static void softmax_block(
    float *scores, size_t rows, size_t keys, size_t stride, float scale, ptrdiff_t visible, float *greatest, float *sum,
    float *out, size_t dimension) {
  for (size_t r = 0; r < rows; r++) {
    float *row = scores + r * stride;
    ptrdiff_t seen = visible + (ptrdiff_t)r;
    size_t count = seen <= 0 ? 0 : (size_t)seen < keys ? (size_t)seen : keys;
    for (size_t n = 0; n < count; n++) row[n] *= scale;
    memset(row + count, 0, (keys - count) * sizeof(float));
    float highest = greatest_in_row(row, count);
    highest = highest > greatest[r] ? highest : greatest[r];
    if (highest > greatest[r]) {
      float factor = expf(greatest[r] - highest);
      sum[r] *= factor;
      for (size_t i = 0; i < dimension; i++) out[r * dimension + i] *= factor;
      greatest[r] = highest;
    }
    sum[r] += weigh(row, count, highest);
  }
}
