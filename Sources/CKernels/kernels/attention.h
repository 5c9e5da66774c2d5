// Softmax attention: a few queries against many keys, and the running softmax of blocks of queries.
//
// Keys and values are read in the type of the cache; sums are float32. To compute with them takes about as long as to
// read them, so the one has to go on during the other: values are asked for while scores are summed, and the keys of the
// next part while values are: a third faster than leaving it to the processor.

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

/// What is read next, asked for little by little.
struct upcoming {
  uintptr_t from, end;
};

INLINE void ask_for_some(struct upcoming *memory, size_t bytes) {
  if (memory->from >= memory->end) return;
  for (size_t i = 0; i < bytes; i += CACHE_LINE) ask_for(memory->from + i);
  memory->from += bytes;
}

/// Queries that are taken at once.
#define ATTENTION_QUERIES 4

/// Sums of the products of two keys with each of some queries, whose number is a constant after inlining, over pairs of
/// vectors in the order of `load_half`.
INLINE void score_two(
    ck_type type, int queries, const char *first, const char *second, size_t depth, const float *query,
    size_t dimension, floats4 *sums) {
  floats sum[2][ATTENTION_QUERIES];
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++) sum[0][q] = sum[1][q] = 0;
  for (size_t k = 0; k < depth; k += 2 * WIDTH) {
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const floats a = load_half(type, first, k, half), b = load_half(type, second, k, half);
#pragma clang loop unroll(full)
      for (int q = 0; q < queries; q++) {
        const floats v = load(query + (size_t)q * dimension + k + (size_t)half * WIDTH);
        sum[0][q] = multiply_add(a, v, sum[0][q]);
        sum[1][q] = multiply_add(b, v, sum[1][q]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++) sums[q] = sums_of_two(sum[0][q], sum[1][q]);
}

/// `scores[q, n] = keys[n] queries[q]`, of the first `depth` columns.
INLINE void score_keys(
    ck_type type, int queries, const char *keys, size_t count, size_t depth, const float *query, size_t dimension,
    float *scores, struct upcoming *next) {
  const size_t row_bytes = ck_row_bytes(type, dimension);
  floats4 two[ATTENTION_QUERIES], others[ATTENTION_QUERIES];
  size_t n = 0;
  for (; n + 4 <= count; n += 4, keys += 4 * row_bytes) {
    ask_for_some(next, 4 * row_bytes);
    score_two(type, queries, keys, keys + row_bytes, depth, query, dimension, two);
    score_two(type, queries, keys + 2 * row_bytes, keys + 3 * row_bytes, depth, query, dimension, others);
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) {
      const floats4 sums = sums_of_four(two[q], others[q]);
      memcpy(scores + (size_t)q * count + n, &sums, sizeof sums);
    }
  }
  for (; n < count; n++, keys += row_bytes) {
    score_two(type, queries, keys, keys, depth, query, dimension, two);
#pragma clang loop unroll(full)
    for (int q = 0; q < queries; q++) scores[(size_t)q * count + n] = sums_of_four(two[q], two[q]).x;
  }
}

/// Bytes of values that are summed column by column: the first-level cache holds them until the last.
#define GATHER_BYTES 16384

/// `sum[q] += weights[q] value` for 2 WIDTH columns in the order of `load_half`.
INLINE void gather_value(
    ck_type type, int queries, const float *weights, size_t weight_stride, const char *value,
    floats sum[ATTENTION_QUERIES][2]) {
  const floats first = load_half(type, value, 0, 0), second = load_half(type, value, 0, 1);
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++) {
    const floats weight = (floats)weights[(size_t)q * weight_stride];
    sum[q][0] = multiply_add(weight, first, sum[q][0]);
    sum[q][1] = multiply_add(weight, second, sum[q][1]);
  }
}

/// `out[q, 0 ..< 2 WIDTH] += sum_n weights[q, n] values[n]`, the number of queries a constant.
INLINE void gather_tile(
    ck_type type, int queries, const float *weights, size_t weight_stride, const char *values, size_t count,
    size_t row_bytes, float *out, size_t out_stride, struct upcoming *next) {
  // Two values have sums of their own, as each would wait for the one before: but for four queries, where all take turns.
  const size_t steps = queries == ATTENTION_QUERIES ? 1 : 2;
  floats sum[2][ATTENTION_QUERIES][2];
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++) {
    const float *before = out + (size_t)q * out_stride;
    sum[0][q][0] = load(before), sum[0][q][1] = load(before + WIDTH);
    sum[1][q][0] = sum[1][q][1] = 0;
  }
  for (; count >= steps; count -= steps, values += steps * row_bytes, weights += steps) {
    ask_for_some(next, steps * ck_row_bytes(type, 2 * WIDTH));
#pragma clang loop unroll(full)
    for (size_t s = 0; s < steps; s++)
      gather_value(type, queries, weights + s, weight_stride, values + s * row_bytes, sum[s]);
  }
  if (count > 0) gather_value(type, queries, weights, weight_stride, values, sum[0]);
#pragma clang loop unroll(full)
  for (int q = 0; q < queries; q++) {
    float *after = out + (size_t)q * out_stride;
    store(after, sum[0][q][0] + sum[1][q][0]), store(after + WIDTH, sum[0][q][1] + sum[1][q][1]);
  }
}

/// `out[q] = sum_n weights[q, n] values[n]`, of the first `depth` columns.
INLINE void gather_values(
    ck_type type, int queries, const float *weights, const char *values, size_t count, size_t depth, size_t dimension,
    float *out, size_t out_stride, struct upcoming *next) {
  const size_t row_bytes = ck_row_bytes(type, dimension);
  const size_t block = GATHER_BYTES / row_bytes > 16 ? GATHER_BYTES / row_bytes : 16;
  for (int q = 0; q < queries; q++) memset(out + (size_t)q * out_stride, 0, depth * sizeof *out);
  for (size_t n = 0; n < count; n += block)
    for (size_t i = 0; i < depth; i += 2 * WIDTH)
      gather_tile(
          type, queries, weights + n, count, values + n * row_bytes + ck_row_bytes(type, i),
          count - n < block ? count - n : block, row_bytes, out + i, out_stride, next);
}

/// The sums of columns from `first` on.
static void gather_rest(
    ck_type type, size_t queries, const float *weights, const char *values, size_t count, size_t first,
    size_t dimension, float *out, size_t out_stride) {
  for (size_t i = first; i < dimension; i += WIDTH)
    for (size_t q = 0; q < queries; q++) {
      floats sum = 0;
      for (size_t n = 0; n < count; n++) {
        const floats value = load_first_weights(type, values + n * ck_row_bytes(type, dimension), i, dimension - i);
        sum = multiply_add((floats)weights[q * count + n], value, sum);
      }
      store_first(out + q * out_stride + i, sum, dimension - i);
    }
}

/// Queries times the scale, one after the other: scores need no pass of their own for it.
static void scale_queries(
    const float *query, size_t count, size_t stride, size_t dimension, float scale, float *scaled) {
  for (size_t q = 0; q < count; q++)
    for (size_t i = 0; i < dimension; i++) scaled[q * dimension + i] = scale * query[q * stride + i];
}

INLINE void attend_of_type(ck_type type, const ck_attention_part *call, float *scratch, float *partial) {
  const size_t group = call->group, count = call->count, dimension = call->dimension, stride = dimension + 2;
  const size_t depth = dimension / (2 * WIDTH) * (2 * WIDTH), row_bytes = ck_row_bytes(type, dimension);
  const char *keys = call->keys, *values = call->values;
  float *query = scratch, *scores = scratch + group * dimension, *out = partial + 2;
  struct upcoming own = {(uintptr_t)values, (uintptr_t)values + count * row_bytes};
  struct upcoming next = {(uintptr_t)call->next_keys, (uintptr_t)call->next_keys + call->next_count * row_bytes};

  scale_queries(call->query, group, call->query_stride, dimension, call->scale, query);
  for (size_t q = 0; q < group; q++) put_apart(type, query + q * dimension, depth);
#define SCORE(QUERIES) \
  score_keys(type, QUERIES, keys, count, depth, query + q * dimension, dimension, scores + q * count, &own)
  for (size_t q = 0; q < group; q += ATTENTION_QUERIES)
    if (group - q == 1) SCORE(1);
    else if (group - q == 2) SCORE(2);
    else if (group - q == 3) SCORE(3);
    else SCORE(ATTENTION_QUERIES);
#undef SCORE
  gemv_rest(type, keys, count, dimension, depth, query, group, dimension, scores, count);

  for (size_t q = 0; q < group; q++) {
    float *row = scores + q * count;
    partial[q * stride] = greatest_in_row(row, count);
    partial[q * stride + 1] = weigh(row, count, partial[q * stride]);
  }

#define GATHER(QUERIES) \
  gather_values(type, QUERIES, scores + q * count, values, count, depth, dimension, out + q * stride, stride, &next)
  for (size_t q = 0; q < group; q += ATTENTION_QUERIES)
    if (group - q == 1) GATHER(1);
    else if (group - q == 2) GATHER(2);
    else if (group - q == 3) GATHER(3);
    else GATHER(ATTENTION_QUERIES);
#undef GATHER
  gather_rest(type, group, scores, values, count, depth, dimension, out, stride);
  for (size_t q = 0; q < group; q++) put_together(type, out + q * stride, depth);
}

static void attend(const ck_attention_part *call, float *scratch, float *partial) {
  if (call->type == ck_float32) attend_of_type(ck_float32, call, scratch, partial);
  else attend_of_type(ck_bfloat16, call, scratch, partial);
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
