// The gated delta rule, token by token.
//
// With decay a, rows S_i of the state and its reads m = S^T k and n = S^T q before the token:
//   u = beta (v - a m);  out = scale (a n + (q . k) u);  S_i = a S_i + k_i u
// Columns of the state do not touch each other, so a strip of them stays in registers and first-level cache for
// all of time. Writing the state for one token and reading it for the next is one pass.

INLINE float dot(const float *x, const float *y, size_t count) {
  floats sum = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) sum = multiply_add(load(x + i), load(y + i), sum);
  float result = sum_of(sum);
  for (; i < count; i++) result += x[i] * y[i];
  return result;
}

/// `vectors`, a constant, times WIDTH columns from `first` on.
INLINE void delta_rule_strip(const ck_delta_rule *call, size_t first, int vectors) {
  const size_t rows = call->key_dimension, columns = call->value_dimension;
  float *state = call->state + first;
  floats m[4], n[4], u[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) m[v] = n[v] = 0;
  if (call->tokens == 0) return;
  for (size_t i = 0; i < rows; i++) {
    floats k = (floats)call->key[i], q = (floats)call->query[i];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats s = load(state + i * columns + (size_t)v * WIDTH);
      m[v] = multiply_add(k, s, m[v]);
      n[v] = multiply_add(q, s, n[v]);
    }
  }
  for (size_t t = 0; t < call->tokens; t++) {
    const float *key = call->key + t * call->key_stride, *query = call->query + t * call->query_stride;
    const float *value = call->value + t * call->value_stride + first;
    float *out = call->out + t * call->out_stride + first;
    const float decay = expf(call->log_decay[t * call->gate_stride]), beta = call->beta[t * call->gate_stride];
    const float qk = dot(query, key, rows);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      u[v] = beta * (load(value + (size_t)v * WIDTH) - decay * m[v]);
      store(out + (size_t)v * WIDTH, call->scale * multiply_add((floats)qk, u[v], decay * n[v]));
      m[v] = n[v] = 0;
    }
    // After the last token the reads are idle; its own vectors stand in for the next one's.
    const int last = t + 1 == call->tokens;
    const float *next_key = last ? key : key + call->key_stride;
    const float *next_query = last ? query : query + call->query_stride;
    for (size_t i = 0; i < rows; i++) {
      floats k = (floats)key[i], next_k = (floats)next_key[i], next_q = (floats)next_query[i];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        float *p = state + i * columns + (size_t)v * WIDTH;
        floats s = multiply_add(k, u[v], decay * load(p));
        store(p, s);
        m[v] = multiply_add(next_k, s, m[v]);
        n[v] = multiply_add(next_q, s, n[v]);
      }
    }
  }
}

/// One column, for state widths that vectors do not fill.
static void delta_rule_column(const ck_delta_rule *call, size_t column) {
  const size_t rows = call->key_dimension, columns = call->value_dimension;
  float *state = call->state + column;
  for (size_t t = 0; t < call->tokens; t++) {
    const float *key = call->key + t * call->key_stride, *query = call->query + t * call->query_stride;
    const float decay = expf(call->log_decay[t * call->gate_stride]), beta = call->beta[t * call->gate_stride];
    float m = 0, out = 0;
    for (size_t i = 0; i < rows; i++) m += key[i] * state[i * columns];
    const float u = beta * (call->value[t * call->value_stride + column] - decay * m);
    for (size_t i = 0; i < rows; i++) {
      float s = decay * state[i * columns] + key[i] * u;
      state[i * columns] = s;
      out += query[i] * s;
    }
    call->out[t * call->out_stride + column] = call->scale * out;
  }
}

static void delta_rule(const ck_delta_rule *call, size_t first, size_t count) {
  // Half of a first-level cache: beyond it, narrower strips stay inside.
  const size_t widest = call->key_dimension * 4 * WIDTH * sizeof(float) <= 20480 ? 4 : 2;
  size_t c = first, end = first + count;
  if (widest == 4)
    for (; c + 4 * WIDTH <= end; c += 4 * WIDTH) delta_rule_strip(call, c, 4);
  for (; c + 2 * WIDTH <= end; c += 2 * WIDTH) delta_rule_strip(call, c, 2);
  for (; c + WIDTH <= end; c += WIDTH) delta_rule_strip(call, c, 1);
  for (; c < end; c++) delta_rule_column(call, c);
}
