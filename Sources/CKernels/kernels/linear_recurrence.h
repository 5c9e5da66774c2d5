// The linear recurrence, token by token.
//
// With decays a_i of the rows S_i of the state and the reads m = sum_i a_i k_i S_i and n = sum_i a_i q_i S_i of the
// decayed state before the token's update:
//   u = beta (v - m), or u = v where values are added;  out = scale (n + (q . k) u);  S_i = a_i S_i + k_i u
// A decay that all rows share is taken out of the sums. Columns of the state do not touch each other, so a strip of
// them stays in registers and first-level cache for all of time. Writing the state for one token and reading it for
// the next is one pass.

INLINE float dot(const float *x, const float *y, size_t count) {
  floats sum = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) sum = multiply_add(load(x + i), load(y + i), sum);
  float result = sum_of(sum);
  for (; i < count; i++) result += x[i] * y[i];
  return result;
}

/// What one token does to a strip.
struct token {
  const float *key, *query;
  /// What rows are read by: key and query, times the decay of the row where each has its own.
  const float *key_read, *query_read;
  /// Of each row, where each has its own.
  const float *decays;
  /// Of all rows; 1 where each has its own.
  float decay;
  float beta;
};

/// What tokens with a decay for each row need of it, made once for all strips: decays, and keys and queries times these.
static void prepare_tokens(const ck_linear_recurrence *call, float *prepared) {
  const size_t rows = call->key_dimension;
  for (size_t t = 0; t < call->tokens; t++, prepared += 3 * rows) {
    const float *log_decay = call->log_decay + t * call->log_decay_stride;
    const float *key = call->key + t * call->key_stride, *query = call->query + t * call->query_stride;
    size_t i = 0;
    for (; i + WIDTH <= rows; i += WIDTH) {
      floats decay = exp_of(load(log_decay + i));
      store(prepared + i, decay);
      store(prepared + rows + i, decay * load(key + i));
      store(prepared + 2 * rows + i, decay * load(query + i));
    }
    if (i < rows) store_first(prepared + i, exp_of(load_first(log_decay + i, rows - i)), rows - i);
    for (; i < rows; i++) {
      prepared[rows + i] = prepared[i] * key[i];
      prepared[2 * rows + i] = prepared[i] * query[i];
    }
  }
}

INLINE struct token token_at(
    const ck_linear_recurrence *call, size_t t, int per_channel, int delta, const float *prepared) {
  const size_t rows = call->key_dimension;
  const float *key = call->key + t * call->key_stride, *query = call->query + t * call->query_stride;
  const float *decays = prepared + t * 3 * rows;
  return (struct token){
      .key = key,
      .query = query,
      .key_read = per_channel ? decays + rows : key,
      .query_read = per_channel ? decays + 2 * rows : query,
      .decays = decays,
      .decay = per_channel ? 1 : expf(call->log_decay[t * call->log_decay_stride]),
      .beta = delta ? call->beta[t * call->beta_stride] : 1,
  };
}

/// `vectors` times WIDTH columns from `first` on. `vectors`, `per_channel` and `delta` are constants.
INLINE void recurrence_strip(
    const ck_linear_recurrence *call, size_t first, int vectors, int per_channel, int delta, const float *prepared) {
  const size_t rows = call->key_dimension, columns = call->value_dimension;
  float *state = call->state + first;
  floats m[4], n[4], u[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) m[v] = n[v] = 0;
  if (call->tokens == 0) return;
  struct token token = token_at(call, 0, per_channel, delta, prepared);
  for (size_t i = 0; i < rows; i++) {
    floats k = (floats)token.key_read[i], q = (floats)token.query_read[i];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats s = load(state + i * columns + (size_t)v * WIDTH);
      if (delta) m[v] = multiply_add(k, s, m[v]);
      n[v] = multiply_add(q, s, n[v]);
    }
  }
  for (size_t t = 0; t < call->tokens; t++) {
    const float *value = call->value + t * call->value_stride + first;
    float *out = call->out + t * call->out_stride + first;
    const float decay = token.decay, qk = dot(token.query, token.key, rows);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      u[v] = load(value + (size_t)v * WIDTH);
      if (delta) u[v] = token.beta * (u[v] - decay * m[v]);
      store(out + (size_t)v * WIDTH, call->scale * multiply_add((floats)qk, u[v], decay * n[v]));
      m[v] = n[v] = 0;
    }
    // After the last token the reads are idle; its own stand in for the next one's.
    const struct token next = t + 1 < call->tokens ? token_at(call, t + 1, per_channel, delta, prepared) : token;
    for (size_t i = 0; i < rows; i++) {
      floats k = (floats)token.key[i], next_k = (floats)next.key_read[i], next_q = (floats)next.query_read[i];
      floats row_decay = (floats)(per_channel ? token.decays[i] : decay);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        float *p = state + i * columns + (size_t)v * WIDTH;
        floats s = multiply_add(k, u[v], row_decay * load(p));
        store(p, s);
        if (delta) m[v] = multiply_add(next_k, s, m[v]);
        n[v] = multiply_add(next_q, s, n[v]);
      }
    }
    token = next;
  }
}

/// One column, for state widths that vectors do not fill.
INLINE void recurrence_column(
    const ck_linear_recurrence *call, size_t column, int per_channel, int delta, const float *prepared) {
  const size_t rows = call->key_dimension, columns = call->value_dimension;
  float *state = call->state + column;
  for (size_t t = 0; t < call->tokens; t++) {
    const struct token token = token_at(call, t, per_channel, delta, prepared);
    float m = 0, out = 0;
    for (size_t i = 0; i < rows; i++) m += token.key_read[i] * state[i * columns];
    float u = call->value[t * call->value_stride + column];
    if (delta) u = token.beta * (u - token.decay * m);
    for (size_t i = 0; i < rows; i++) {
      float s = (per_channel ? token.decays[i] : token.decay) * state[i * columns] + token.key[i] * u;
      state[i * columns] = s;
      out += token.query[i] * s;
    }
    call->out[t * call->out_stride + column] = call->scale * out;
  }
}

INLINE void recurrence_columns(
    const ck_linear_recurrence *call, size_t first, size_t count, int per_channel, int delta, const float *prepared) {
  // Half of a first-level cache: beyond it, narrower strips stay inside. A decay for each row beside the delta rule
  // takes more registers than 16 for a wide strip.
  const int few_registers = per_channel && delta && REGISTERS < 32;
  const size_t widest = !few_registers && call->key_dimension * 4 * WIDTH * sizeof(float) <= 20480 ? 4 : 2;
  size_t c = first, end = first + count;
  if (widest == 4)
    for (; c + 4 * WIDTH <= end; c += 4 * WIDTH) recurrence_strip(call, c, 4, per_channel, delta, prepared);
  for (; c + 2 * WIDTH <= end; c += 2 * WIDTH) recurrence_strip(call, c, 2, per_channel, delta, prepared);
  for (; c + WIDTH <= end; c += WIDTH) recurrence_strip(call, c, 1, per_channel, delta, prepared);
  for (; c < end; c++) recurrence_column(call, c, per_channel, delta, prepared);
}

static void linear_recurrence(const ck_linear_recurrence *call, size_t first, size_t count, float *scratch) {
  if (!call->per_channel) {
    if (call->beta) recurrence_columns(call, first, count, 0, 1, scratch);
    else recurrence_columns(call, first, count, 0, 0, scratch);
    return;
  }
  ck_linear_recurrence block = *call;
  for (size_t left = call->tokens; left > 0; left -= block.tokens) {
    block.tokens = left < ck_recurrence_block ? left : ck_recurrence_block;
    prepare_tokens(&block, scratch);
    if (call->beta) recurrence_columns(&block, first, count, 1, 1, scratch);
    else recurrence_columns(&block, first, count, 1, 0, scratch);
    block.query += block.tokens * block.query_stride;
    block.key += block.tokens * block.key_stride;
    block.value += block.tokens * block.value_stride;
    block.log_decay += block.tokens * block.log_decay_stride;
    if (block.beta) block.beta += block.tokens * block.beta_stride;
    block.out += block.tokens * block.out_stride;
  }
}
