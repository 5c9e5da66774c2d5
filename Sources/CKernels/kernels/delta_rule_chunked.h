// The delta rule with one decay a head, in chunks: with b the running sum of log decays in the chunk, D_ij = exp(b_i - b_j) for
// i >= j and S0 the state that enters,
//   (I + L) V' = diag(beta) (V - diag(e^b) K S0),   L = strictly lower of diag(beta) (K K^T) D
//   out = scale (diag(e^b) Q S0 + P V'),            P = lower of (Q K^T) D
//   S = e^(b_C) S0 + (diag(e^(b_C - b)) K)^T V'
// The rows of V' are the u of the recurrence, found by forward substitution.

struct chunk {
  size_t length;
  const float *query, *key, *value, *log_decay, *beta;
  float *out;
  // scratch
  double *running;  // b
  float *keys_keys, *queries_keys, *updates, *reads, *decayed_keys;
};

/// `b` is kept in double: differences of large sums are what the chunk is made of.
static void sum_decays(const ck_linear_recurrence *call, struct chunk *chunk) {
  double sum = 0;
  for (size_t i = 0; i < chunk->length; i++) {
    double decay = chunk->log_decay[i * call->log_decay_stride];
    sum += decay > -1e4 ? decay : -1e4;  // e^-10000 is 0 as well, and differences of infinities are not numbers
    chunk->running[i] = sum;
  }
}

/// Leaves the lower triangles of L and P, and zeros above.
static void weigh_pairs(const ck_linear_recurrence *call, struct chunk *chunk) {
  const size_t length = chunk->length;
  for (size_t i = 0; i < length; i++) {
    float *l = chunk->keys_keys + i * length, *p = chunk->queries_keys + i * length;
    const float beta = chunk->beta[i * call->beta_stride];
    size_t j = 0;
    for (; j <= i; j++) {
      float decay = expf((float)(chunk->running[i] - chunk->running[j]));
      l[j] *= beta * decay;
      p[j] *= decay;
    }
    for (; j < length; j++) p[j] = 0;
  }
}

static void substitute(const ck_linear_recurrence *call, struct chunk *chunk) {
  const size_t columns = call->value_dimension;
  for (size_t i = 0; i < chunk->length; i++) {
    float *row = chunk->updates + i * columns;  // holds K S0
    const float *value = chunk->value + i * call->value_stride;
    const float beta = chunk->beta[i * call->beta_stride], decay = expf((float)chunk->running[i]);
    for (size_t c = 0; c < columns; c++) row[c] = beta * (value[c] - decay * row[c]);
    for (size_t j = 0; j < i; j++) {
      const float factor = chunk->keys_keys[i * chunk->length + j];
      const float *above = chunk->updates + j * columns;
      size_t c = 0;
      for (; c + WIDTH <= columns; c += WIDTH)
        store(row + c, multiply_add((floats)-factor, load(above + c), load(row + c)));
      for (; c < columns; c++) row[c] -= factor * above[c];
    }
  }
}

static void run_chunk(const ck_linear_recurrence *call, struct chunk *chunk, ck_sgemm_fn sgemm) {
  const int length = (int)chunk->length, rows = (int)call->key_dimension, columns = (int)call->value_dimension;
  const int key_stride = (int)call->key_stride, query_stride = (int)call->query_stride;
  const int order = ck_row_major, plain = ck_no_transpose, turned = ck_transpose;
  sum_decays(call, chunk);
  sgemm(order, plain, turned, length, length, rows, 1, chunk->key, key_stride, chunk->key, key_stride, 0,
        chunk->keys_keys, length);
  sgemm(order, plain, turned, length, length, rows, 1, chunk->query, query_stride, chunk->key, key_stride, 0,
        chunk->queries_keys, length);
  weigh_pairs(call, chunk);

  sgemm(order, plain, plain, length, columns, rows, 1, chunk->key, key_stride, call->state, columns, 0,
        chunk->updates, columns);
  substitute(call, chunk);

  sgemm(order, plain, plain, length, columns, rows, 1, chunk->query, query_stride, call->state, columns, 0,
        chunk->reads, columns);
  for (size_t i = 0; i < chunk->length; i++) {
    const float decay = expf((float)chunk->running[i]);
    float *out = chunk->out + i * call->out_stride;
    for (int c = 0; c < columns; c++) out[c] = call->scale * decay * chunk->reads[i * (size_t)columns + (size_t)c];
  }
  sgemm(order, plain, plain, length, columns, length, call->scale, chunk->queries_keys, length, chunk->updates,
        columns, 1, chunk->out, (int)call->out_stride);

  const double total = chunk->running[chunk->length - 1];
  for (size_t i = 0; i < chunk->length; i++) {
    const float decay = expf((float)(total - chunk->running[i]));
    for (int r = 0; r < rows; r++)
      chunk->decayed_keys[i * (size_t)rows + (size_t)r] = decay * chunk->key[i * call->key_stride + (size_t)r];
  }
  sgemm(order, turned, plain, rows, columns, length, 1, chunk->decayed_keys, rows, chunk->updates, columns,
        expf((float)total), call->state, columns);
}

static void delta_rule_chunked(const ck_linear_recurrence *call, size_t length, ck_sgemm_fn sgemm, float *scratch) {
  struct chunk chunk = {.running = (double *)scratch};
  chunk.keys_keys = scratch + 2 * length;
  chunk.queries_keys = chunk.keys_keys + length * length;
  chunk.updates = chunk.queries_keys + length * length;
  chunk.reads = chunk.updates + length * call->value_dimension;
  chunk.decayed_keys = chunk.reads + length * call->value_dimension;
  for (size_t t = 0; t < call->tokens; t += length) {
    chunk.length = call->tokens - t < length ? call->tokens - t : length;
    chunk.query = call->query + t * call->query_stride;
    chunk.key = call->key + t * call->key_stride;
    chunk.value = call->value + t * call->value_stride;
    chunk.log_decay = call->log_decay + t * call->log_decay_stride;
    chunk.beta = call->beta + t * call->beta_stride;
    chunk.out = call->out + t * call->out_stride;
    run_chunk(call, &chunk, sgemm);
  }
}
