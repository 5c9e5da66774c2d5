// The gradient of attention over a whole sequence, of the heads that share a key and value head: for blocks of queries,
// the weights P of all keys that they see are made again; then with dO the gradient of what came out
//   dP = dO V^T;  dS = P (dP - rowsum(P dP));  dQ = scale dS K;  dK += scale dS^T Q;  dV += P^T dO
// Keys and values are packed once. On the diagonal, what nobody sees is left out a few rows or keys at a time.

/// Rows of the diagonal that go together.
#define DIAGONAL_ROWS 12

struct attention_gradient_scratch {
  float *keys, *values;     // packed by key
  float *turned_keys;       // packed by channel, in blocks of ck_attention_keys
  float *queries;           // of a block, times the scale, [queries, dimension]
  float *reached;           // dO, the same
  float *turned_queries, *turned_reached;  // these, packed by channel
  float *weights, *changes;                // P, and dP, then dS, [queries, stride]
  size_t stride;
};

/// Keys that a block of queries may see, which begin with a whole strip. What a row sees of them is in its columns from
/// `column` on.
struct key_range {
  size_t first, count, column;
};

/// The sinks, and all from the window of the first query to the last query. Returns how many ranges there are.
static int key_ranges(const ck_attention_block *call, size_t first_query, size_t rows, struct key_range *ranges) {
  const size_t end = first_query + rows;
  const size_t start = (first_query + 1 > call->window ? first_query + 1 - call->window : 0) / STRIP * STRIP;
  const size_t sinks = (call->sinks + STRIP - 1) / STRIP * STRIP;
  if (sinks == 0 || sinks >= start) {
    const size_t from = call->sinks > 0 ? 0 : start;
    ranges[0] = (struct key_range){from, end - from, 0};
    return 1;
  }
  ranges[0] = (struct key_range){0, sinks, 0};
  ranges[1] = (struct key_range){start, end - start, sinks};
  return 2;
}

/// Weights that sum to one, and the mean of `changes` by them.
static float normalize(float *weights, const float *changes, size_t count, float inverse) {
  floats sum = 0;
  size_t n = 0;
  for (; n + WIDTH <= count; n += WIDTH) {
    floats weight = inverse * load(weights + n);
    store(weights + n, weight);
    sum = multiply_add(weight, load(changes + n), sum);
  }
  float mean = sum_of(sum);
  for (; n < count; n++) {
    weights[n] *= inverse;
    mean += weights[n] * changes[n];
  }
  return mean;
}

/// dS of dP.
static void center(const float *weights, float *changes, size_t count, float mean) {
  size_t n = 0;
  for (; n + WIDTH <= count; n += WIDTH) store(changes + n, load(weights + n) * (load(changes + n) - mean));
  for (; n < count; n++) changes[n] = weights[n] * (changes[n] - mean);
}

/// Turns scores and dP of a block into P and dS, with zeros where nothing is seen.
static void soften_rows(
    const ck_attention_block *call, size_t first_query, size_t rows, const struct key_range *ranges, int range_count,
    const struct attention_gradient_scratch *scratch) {
  for (size_t r = 0; r < rows; r++) {
    float *weights = scratch->weights + r * scratch->stride, *changes = scratch->changes + r * scratch->stride;
    // What is seen: stretches of columns, the sinks and the window.
    size_t from[2], count[2], end = 0;
    int stretches = 0;
    for (int i = 0; i < range_count; i++) {
      struct visible_keys seen = visible(call, first_query + r, ranges[i].first, ranges[i].count);
      if (seen.sinks) from[stretches] = ranges[i].column, count[stretches++] = seen.sinks;
      if (seen.to > seen.from) from[stretches] = ranges[i].column + seen.from, count[stretches++] = seen.to - seen.from;
      end = ranges[i].column + ranges[i].count;
    }
    float greatest = -INFINITY, total = 0, mean = 0;
    for (int i = 0; i < stretches; i++) {
      const float other = greatest_in_row(weights + from[i], count[i]);
      greatest = other > greatest ? other : greatest;
    }
    for (int i = 0; i < stretches; i++) total += weigh(weights + from[i], count[i], greatest);
    for (int i = 0; i < stretches; i++) mean += normalize(weights + from[i], changes + from[i], count[i], 1.0f / total);
    size_t column = 0;
    for (int i = 0; i < stretches; i++) {
      center(weights + from[i], changes + from[i], count[i], mean);
      memset(weights + column, 0, (from[i] - column) * sizeof *weights);
      memset(changes + column, 0, (from[i] - column) * sizeof *changes);
      column = from[i] + count[i];
    }
    memset(weights + column, 0, (end - column) * sizeof *weights);
    memset(changes + column, 0, (end - column) * sizeof *changes);
  }
}

/// Keys of a range before the first query's: all queries of the block come after them.
static size_t keys_before(struct key_range range, size_t first_query) {
  if (range.first + range.count <= first_query) return range.count;
  // Whole strips, as the diagonal begins with one.
  return range.first < first_query ? (first_query - range.first) / STRIP * STRIP : 0;
}

/// `out = x packed^T` of the keys of a range, packed by key; what lies behind the diagonal stays undefined.
static void multiply_keys(
    const float *x, size_t first_query, size_t rows, size_t dimension, const float *packed, struct key_range range,
    float *out, size_t stride) {
  const size_t before = keys_before(range, first_query);
  packed += range.first * dimension;
  out += range.column;
  multiply_packed(x, rows, dimension, packed, before, dimension, out, stride, 0);
  for (size_t k = before; k < range.count; k += STRIP) {
    const size_t key = range.first + k, first = key > first_query ? key - first_query : 0;
    const size_t count = range.count - k < STRIP ? range.count - k : STRIP;
    multiply_packed(
        x + first * dimension, rows - first, dimension, packed + k * dimension, count, dimension,
        out + first * stride + k, stride, 0);
  }
}

/// `out = keep out + x keys` for the keys of a range, packed by channel in blocks.
static void gather_keys(
    const float *x, size_t x_stride, size_t first_query, size_t rows, size_t dimension, const float *packed,
    size_t tokens, struct key_range range, float *out, size_t out_stride, float keep) {
  const size_t columns = (dimension + STRIP - 1) / STRIP * STRIP, before = keys_before(range, first_query);
  struct product part = {
      .x_stride = x_stride, .outputs = dimension, .out_stride = out_stride, .out_step = STRIP, .keep = keep};
  size_t end;
  for (size_t k = 0; k < range.count; k = end, part.keep = 1) {
    // Up to the end of a packed block, and where the diagonal begins.
    const size_t key = range.first + k, block = key / ck_attention_keys * ck_attention_keys;
    const size_t depth = tokens - block < ck_attention_keys ? tokens - block : ck_attention_keys;
    end = block + depth - range.first;
    end = end < range.count ? end : range.count;
    if (k < before && end > before) end = before;
    part.packed = packed + block * columns + (key - block) * STRIP;
    part.strip_floats = STRIP * depth;
    const size_t together = k < before ? rows : DIAGONAL_ROWS;
    for (size_t r = 0; r < rows; r += together) {
      part.rows = rows - r < together ? rows - r : together;
      // Up to the last that the last of these rows sees.
      const size_t last = first_query + r + part.rows, seen = last > key ? last - key : 0;
      part.depth = seen < end - k ? seen : end - k;
      part.x = x + r * x_stride + range.column + k;
      part.out = out + r * out_stride;
      run_product(&part, 0);
    }
  }
}

/// `out += x^T values` for the keys of a range, with the values of the block's queries packed by channel.
static void gather_queries(
    const float *x, size_t x_stride, size_t first_query, size_t rows, size_t dimension, const float *packed,
    struct key_range range, float *out, size_t out_stride) {
  const size_t before = keys_before(range, first_query);
  struct product part = {
      .x_stride = x_stride, .strip_floats = STRIP * rows, .outputs = dimension, .out_stride = out_stride,
      .out_step = STRIP, .keep = 1};
  for (size_t k = 0; k < range.count; k += part.rows) {
    part.rows = k < before ? before : range.count - k < DIAGONAL_ROWS ? range.count - k : DIAGONAL_ROWS;
    // From the first query that sees the first of these keys.
    const size_t key = range.first + k, first = key > first_query ? key - first_query : 0;
    part.x = x + first * x_stride + range.column + k;
    part.packed = packed + first * STRIP;
    part.depth = rows - first;
    part.out = out + key * out_stride;
    run_product(&part, 1);
  }
}

static void attention_gradient_block(
    const ck_attention_gradient *call, size_t head, size_t first, size_t rows,
    const struct attention_gradient_scratch *scratch) {
  const ck_attention_block *forward = &call->forward;
  const size_t dimension = forward->dimension, stride = scratch->stride;
  const size_t place = first * forward->query_stride + head * dimension;
  scale_queries(forward->query + place, rows, forward->query_stride, dimension, forward->scale, scratch->queries);
  scale_queries(call->out_gradient + place, rows, forward->query_stride, dimension, 1, scratch->reached);
  pack_turned(ck_float32, scratch->queries, dimension, rows, scratch->turned_queries);
  pack_turned(ck_float32, scratch->reached, dimension, rows, scratch->turned_reached);

  struct key_range ranges[2];
  const int count = key_ranges(forward, first, rows, ranges);
  for (int i = 0; i < count; i++) {
    multiply_keys(scratch->queries, first, rows, dimension, scratch->keys, ranges[i], scratch->weights, stride);
    multiply_keys(scratch->reached, first, rows, dimension, scratch->values, ranges[i], scratch->changes, stride);
  }
  soften_rows(forward, first, rows, ranges, count, scratch);
  float *query_gradient = call->query_gradient + place;
  for (int i = 0; i < count; i++) {
    gather_keys(
        scratch->changes, stride, first, rows, dimension, scratch->turned_keys, forward->rows, ranges[i],
        query_gradient, forward->query_stride, i > 0 ? 1 : 0);
    gather_queries(
        scratch->changes, stride, first, rows, dimension, scratch->turned_queries, ranges[i], call->key_gradient,
        call->key_stride);
    gather_queries(
        scratch->weights, stride, first, rows, dimension, scratch->turned_reached, ranges[i], call->value_gradient,
        call->key_stride);
  }
  // Those of keys have the scale from the queries.
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < dimension; i++) query_gradient[r * forward->query_stride + i] *= forward->scale;
}

static void attention_gradient(const ck_attention_gradient *call, float *memory) {
  const ck_attention_block *forward = &call->forward;
  const size_t tokens = forward->rows, dimension = forward->dimension;
  const size_t columns = (dimension + STRIP - 1) / STRIP * STRIP, strips = (tokens + STRIP - 1) / STRIP * STRIP;
  struct attention_gradient_scratch scratch = {.keys = memory};
  scratch.values = scratch.keys + strips * dimension;
  scratch.turned_keys = scratch.values + strips * dimension;
  scratch.queries = scratch.turned_keys + tokens * columns;
  scratch.reached = scratch.queries + ck_attention_gradient_queries * dimension;
  scratch.turned_queries = scratch.reached + ck_attention_gradient_queries * dimension;
  scratch.turned_reached = scratch.turned_queries + ck_attention_gradient_queries * columns;
  scratch.weights = scratch.turned_reached + ck_attention_gradient_queries * columns;
  scratch.stride = ck_attention_gradient_stride(tokens);
  scratch.changes = scratch.weights + ck_attention_gradient_queries * scratch.stride;

  const size_t row_bytes = ck_row_bytes(forward->type, dimension);
  pack_weight(forward->type, forward->keys, dimension, tokens, 0, dimension, scratch.keys);
  pack_weight(forward->type, forward->values, dimension, tokens, 0, dimension, scratch.values);
  for (size_t first = 0; first < tokens; first += ck_attention_keys) {
    const size_t count = tokens - first < ck_attention_keys ? tokens - first : ck_attention_keys;
    pack_turned(
        forward->type, (const char *)forward->keys + first * row_bytes, dimension, count,
        scratch.turned_keys + first * columns);
  }
  for (size_t t = 0; t < tokens; t++) {
    memset(call->key_gradient + t * call->key_stride, 0, dimension * sizeof(float));
    memset(call->value_gradient + t * call->key_stride, 0, dimension * sizeof(float));
  }
  for (size_t first = 0; first < tokens; first += ck_attention_gradient_queries) {
    const size_t rows = tokens - first < ck_attention_gradient_queries ? tokens - first : ck_attention_gradient_queries;
    for (size_t h = 0; h < forward->group; h++) attention_gradient_block(call, h, first, rows, &scratch);
  }
}
