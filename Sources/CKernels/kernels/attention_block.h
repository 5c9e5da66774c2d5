// A block of queries of the heads that share a key and value head, against all keys that they see: a running softmax
// over blocks of keys (Dao et al., "FlashAttention"), each packed once for all heads and queries of the block.

struct attention_scratch {
  float *keys, *values;  // packed
  float *queries;        // scaled, [group * rows, dimension]
  float *scores;         // [rows, ck_attention_keys]
  float *sums;           // [group * rows, dimension]
  float *greatest, *total;
};

/// The keys `from ..< to` of a block that starts at cache row `first` and that a query at cache row `position` sees
/// beside the sinks before `sinks`.
struct visible_keys {
  size_t sinks, from, to;
};

static struct visible_keys visible(const ck_attention_block *call, size_t position, size_t first, size_t count) {
  const size_t start = position + 1 > call->window ? position + 1 - call->window : 0;
  struct visible_keys seen = {0, 0, 0};
  seen.to = position + 1 <= first ? 0 : position + 1 - first < count ? position + 1 - first : count;
  seen.from = start <= first ? 0 : start - first < seen.to ? start - first : seen.to;
  seen.sinks = call->sinks <= first ? 0 : call->sinks - first < seen.from ? call->sinks - first : seen.from;
  return seen;
}

/// Turns a row of scores into weights, with zeros where nothing is seen, and brings the query's sums up to date.
static void soften(
    float *row, size_t count, struct visible_keys seen, size_t dimension, float *greatest, float *total, float *sums) {
  float highest = greatest_in_row(row + seen.from, seen.to - seen.from);
  if (seen.sinks) {
    const float other = greatest_in_row(row, seen.sinks);
    highest = other > highest ? other : highest;
  }
  if (highest > *greatest) {
    const float factor = *greatest == -INFINITY ? 0 : expf(*greatest - highest);
    *total *= factor;
    for (size_t i = 0; i < dimension; i++) sums[i] *= factor;
    *greatest = highest;
  }
  *total += weigh(row, seen.sinks, *greatest) + weigh(row + seen.from, seen.to - seen.from, *greatest);
  memset(row + seen.sinks, 0, (seen.from - seen.sinks) * sizeof *row);
  memset(row + seen.to, 0, (count - seen.to) * sizeof *row);
}

/// The queries of a block against `count` keys from cache row `first` on.
static void attend_keys(const ck_attention_block *call, size_t first, size_t count, struct attention_scratch scratch) {
  const size_t dimension = call->dimension, row_bytes = ck_row_bytes(call->type, dimension);
  pack_weight(call->type, (const char *)call->keys + first * row_bytes, dimension, count, 0, dimension, scratch.keys);
  pack_turned(call->type, (const char *)call->values + first * row_bytes, dimension, count, scratch.values);
  for (size_t h = 0; h < call->group; h++) {
    multiply_packed(
        scratch.queries + h * call->rows * dimension, call->rows, dimension, scratch.keys, count, dimension,
        scratch.scores, count, 0);
    float *sums = scratch.sums + h * call->rows * dimension;
    for (size_t r = 0; r < call->rows; r++) {
      const size_t query = h * call->rows + r;
      soften(
          scratch.scores + r * count, count, visible(call, call->position + r, first, count), dimension, scratch.greatest + query,
          scratch.total + query, sums + r * dimension);
    }
    multiply_packed(
        scratch.scores, call->rows, count, scratch.values, dimension, count, sums, dimension, 1);
  }
}

static void attend_block(const ck_attention_block *call, float *memory) {
  const size_t dimension = call->dimension, queries = call->group * call->rows;
  struct attention_scratch scratch = {.keys = memory};
  scratch.values = scratch.keys + ck_attention_keys * dimension;
  scratch.queries = scratch.values + ck_attention_keys * ((dimension + STRIP - 1) / STRIP * STRIP);
  scratch.scores = scratch.queries + queries * dimension;
  scratch.sums = scratch.scores + call->rows * ck_attention_keys;
  scratch.greatest = scratch.sums + queries * dimension;
  scratch.total = scratch.greatest + queries;
  memset(scratch.sums, 0, queries * dimension * sizeof(float));
  for (size_t h = 0; h < call->group; h++)
    scale_queries(
        call->query + h * dimension, call->rows, call->query_stride, dimension, call->scale,
        scratch.queries + h * call->rows * dimension);
  for (size_t q = 0; q < queries; q++) scratch.greatest[q] = -INFINITY, scratch.total[q] = 0;

  const size_t end = call->position + call->rows;
  const size_t start = call->position + 1 > call->window ? call->position + 1 - call->window : 0;
  for (size_t first = 0; first < end; first += ck_attention_keys) {
    const size_t count = end - first < ck_attention_keys ? end - first : ck_attention_keys;
    if (first + count <= start && first >= call->sinks) continue;  // behind every window
    attend_keys(call, first, count, scratch);
  }
  for (size_t h = 0; h < call->group; h++)
    for (size_t r = 0; r < call->rows; r++) {
      const float *sums = scratch.sums + (h * call->rows + r) * dimension;
      const float inverse = 1.0f / scratch.total[h * call->rows + r];
      float *out = call->out + r * call->query_stride + h * dimension;
      for (size_t i = 0; i < dimension; i++) out[i] = sums[i] * inverse;
    }
}
