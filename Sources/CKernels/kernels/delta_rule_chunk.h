// The gradient of the delta rule with one decay a head, in chunks: the equations, and the way there. With S the state
// that enters a chunk, a_i the decay of token i, D_ij = a_(j+1) ... a_i for j <= i, D_i = a_1 ... a_i and n the last
// token:
//   e_i = v_i - D_i S^T k_i - sum_(j<i) D_ij (k_i k_j) u_j,   u_i = beta_i e_i,   S' = D_n S + sum_i D_ni k_i u_i^T
//   out_i = scale (D_i S^T q_i + sum_(j<=i) D_ij (q_i k_j) u_j)
// and then, with y_i the gradient of out_i and G that of S', in matrices of the chunk:
//   P_ij = scale D_ij q_i k_j,   L_ij = beta_i D_ij k_i k_j (j < i),   K'_i = D_ni k_i
//   Z solves (I + L)^T Z = P^T Y + K' G;   dV = diag(beta) Z;   dbeta_i = z_i e_i
//   M_ij = scale D_ij y_i u_j (j <= i),   N_ij = -beta_i D_ij z_i u_j (j < i)
//   dQ = scale diag(D_i) Y S^T + M K
//   dK = diag(D_ni) U G^T - diag(beta_i D_i) Z S^T + M^T Q + (N + N^T) K
//   G  = D_n G + (scale diag(D_i) Q)^T Y - (diag(beta_i D_i) K)^T Z
// The gradient of a log decay is the sum of all that passes its token: from S to S', from S to later tokens, from
// earlier tokens to S' and from earlier to later tokens. Each is summed for itself, as differences of sums lose what is
// small.
//
// Decays are products of those of single tokens, never quotients: nothing overflows, and what underflows has no part.
// The state and G are kept in strips of columns, as products read them: [strips, rows, STRIP].

struct delta_gradient {
  size_t rows, columns;              // of the state
  size_t whole_rows, whole_columns;  // in whole strips
  size_t width;                      // from row to row of matrices [tokens, tokens]: a chunk in whole strips
  size_t length;                     // tokens of the chunk at hand
  // Of all chunks.
  float *states;  // before each, turned: [strips of rows, columns, STRIP]
  float *errors;  // e, [tokens, whole_columns]
  float *pairs;   // D_ij k_i k_j for j < i, then L, [tokens, width]
  float *state, *gradient;  // in strips of columns
  float *turned_gradient;   // in strips of rows
  // Of the chunk: strips of tokens, to multiply with what belongs to tokens.
  float *keys_by_token, *updates_by_token;
  // Strips of channels, [strips, tokens, STRIP]; those of Y and Z have the tokens of Y, then those of Z.
  float *keys, *queries, *changes;
  // Rows of tokens, of whole_rows or whole_columns.
  float *last_keys;  // K'
  float *readers;    // scale D_i q_i of all tokens, then -beta_i D_i k_i
  float *query_reads, *key_reads, *key_writes;  // Y S^T, Z S^T, U G^T
  float *solution, *updates;                    // Z, U
  // [tokens, width]: D, P, M, N
  float *decays, *weights, *query_pairs, *key_pairs;
  // Of each token: D_i, and what passes by it from earlier to later tokens, from the state to it, from it to the state.
  float *since, *between, *read, *written;
};

static void decay_chunk(const ck_linear_recurrence *call, size_t first, struct delta_gradient *chunk) {
  const size_t width = chunk->width;
  float *steps = chunk->between;
  for (size_t i = 0; i < chunk->length; i++) steps[i] = call->log_decay[(first + i) * call->log_decay_stride];
  exponential(steps, chunk->length);
  memset(chunk->decays, 0, width * sizeof *chunk->decays);
  for (size_t i = 0; i < chunk->length; i++) {
    float *row = chunk->decays + i * width;
    if (i > 0)
      for (size_t j = 0; j < width; j += WIDTH) store(row + j, steps[i] * load(row - width + j));
    row[i] = 1;
    chunk->since[i] = i > 0 ? steps[i] * chunk->since[i - 1] : steps[i];
  }
}

/// `out_ij = x_i packed_j` for `j <= i`; strips of what lies above stay undefined.
static void multiply_lower(
    const struct delta_gradient *chunk, const float *x, size_t x_stride, const float *packed, size_t depth,
    float *out) {
  struct product product = {
      .x_stride = x_stride, .outputs = STRIP, .depth = depth, .out_stride = chunk->width, .out_step = STRIP};
  for (size_t j = 0; j < chunk->length; j += STRIP) {
    product.x = x + j * x_stride;
    product.rows = chunk->length - j;
    product.packed = packed + j * depth;
    product.out = out + j * chunk->width + j;
    run_product(&product, 0);
  }
}

/// `product` with a lower triangle as its x, or with its transpose: a tile of rows at a time, as deep as it goes.
static void multiply_by_lower(
    const struct delta_gradient *chunk, const float *lower, int is_turned, struct product product) {
  const struct product all = product;
  product.x_stride = chunk->width;
  for (size_t i = 0; i < chunk->length; i += TILE_ROWS) {
    const size_t end = i + TILE_ROWS < chunk->length ? i + TILE_ROWS : chunk->length;
    product.rows = end - i;
    product.x = lower + i * chunk->width + (is_turned ? i : 0);
    product.packed = all.packed + (is_turned ? i * STRIP : 0);
    product.depth = is_turned ? chunk->length - i : end;
    product.out = all.out + i * all.out_stride;
    run_product(&product, is_turned);
  }
}

/// Strips of rows from strips of columns.
static void turn_state(const struct delta_gradient *chunk, const float *state, float *turned) {
  for (size_t c = 0; c < chunk->whole_columns; c += STRIP)
    pack_of_type(
        ck_float32, (const char *)(state + c * chunk->rows), STRIP * sizeof(float), chunk->rows, 0, STRIP,
        turned + c * STRIP, STRIP * chunk->whole_columns);
}

/// Errors and updates of the chunk, from `S^T k` in strips, which become the updates; some strips of columns at once.
INLINE void solve_errors(
    const ck_linear_recurrence *call, size_t first, const struct delta_gradient *chunk, size_t column, int strips) {
  const size_t strip_floats = chunk->length * STRIP;
  float *updates = chunk->changes + column * chunk->length;
  for (size_t i = 0; i < chunk->length; i++) {
    const float *value = call->value + (first + i) * call->value_stride;
    const float *pairs = chunk->pairs + (first + i) * chunk->width;
    const float beta = call->beta[(first + i) * call->beta_stride], since = chunk->since[i];
    floats e[8];
#pragma clang loop unroll(full)
    for (int v = 0; v < 2 * strips; v++) {
      const size_t c = column + (size_t)v * WIDTH;
      e[v] = load_column(value, c, chunk->columns) -
             since * load(updates + (size_t)(v / 2) * strip_floats + i * STRIP + (size_t)(v % 2) * WIDTH);
    }
    for (size_t j = 0; j < i; j++) {
      const floats pair = (floats)-pairs[j];
#pragma clang loop unroll(full)
      for (int v = 0; v < 2 * strips; v++)
        e[v] = multiply_add(
            pair, load(updates + (size_t)(v / 2) * strip_floats + j * STRIP + (size_t)(v % 2) * WIDTH), e[v]);
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < 2 * strips; v++) {
      store(chunk->errors + (first + i) * chunk->whole_columns + column + (size_t)v * WIDTH, e[v]);
      store(updates + (size_t)(v / 2) * strip_floats + i * STRIP + (size_t)(v % 2) * WIDTH, beta * e[v]);
    }
  }
}

/// Z from `P^T Y + K' G` in strips, some strips of columns at once.
INLINE void solve_changes(size_t first, const struct delta_gradient *chunk, size_t column, int strips) {
  const size_t strip_floats = 2 * chunk->length * STRIP;
  float *changes = chunk->changes + (2 * column + STRIP) * chunk->length;
  const float *lower = chunk->pairs + first * chunk->width;
  for (size_t i = chunk->length; i-- > 0;) {
    floats z[8];
#pragma clang loop unroll(full)
    for (int v = 0; v < 2 * strips; v++)
      z[v] = load(changes + (size_t)(v / 2) * strip_floats + i * STRIP + (size_t)(v % 2) * WIDTH);
    for (size_t j = i + 1; j < chunk->length; j++) {
      const floats factor = (floats)-lower[j * chunk->width + i];
#pragma clang loop unroll(full)
      for (int v = 0; v < 2 * strips; v++)
        z[v] = multiply_add(
            factor, load(changes + (size_t)(v / 2) * strip_floats + j * STRIP + (size_t)(v % 2) * WIDTH), z[v]);
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < 2 * strips; v++) {
      store(changes + (size_t)(v / 2) * strip_floats + i * STRIP + (size_t)(v % 2) * WIDTH, z[v]);
      store(chunk->solution + i * chunk->whole_columns + column + (size_t)v * WIDTH, z[v]);
    }
  }
}

/// Asks for rows before their turn: they lie too far apart for the machine to see them coming, which takes a tenth of the
/// time.
static void fetch_rows(const float *rows, size_t count, size_t stride, size_t width) {
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < width; c += 16) __builtin_prefetch(rows + i * stride + c);
}

/// Leaves what the way back needs of a chunk, and the state after it.
static void pass_chunk(
    const ck_linear_recurrence *call, size_t first, float *turned_state, int is_last, struct delta_gradient *chunk) {
  const size_t length = chunk->length, rows = chunk->rows;
  const float *key = call->key + first * call->key_stride;
  float *pairs = chunk->pairs + first * chunk->width;
  if (!is_last) {
    const size_t next = first + length, count = call->tokens - next < length ? call->tokens - next : length;
    fetch_rows(call->key + next * call->key_stride, count, call->key_stride, rows);
    fetch_rows(call->value + next * call->value_stride, count, call->value_stride, chunk->columns);
  }
  decay_chunk(call, first, chunk);
  turn_state(chunk, chunk->state, turned_state);
  pack_of_type(
      ck_float32, (const char *)key, call->key_stride * sizeof(float), length, 0, rows, chunk->keys_by_token,
      STRIP * rows);
  multiply_lower(chunk, key, call->key_stride, chunk->keys_by_token, rows, pairs);
  for (size_t i = 0; i < length; i++) {
    for (size_t j = 0; j < chunk->width; j += WIDTH) {
      const floats decay = load(chunk->decays + i * chunk->width + j);
      float *p = pairs + i * chunk->width + j;
      store(p, decay > 0.0f ? decay * load(p) : (floats)0);
    }
    pairs[i * chunk->width + i] = 0;
  }
  const struct product reads = {
      .x = key, .rows = length, .x_stride = call->key_stride, .packed = chunk->state, .strip_floats = STRIP * rows,
      .outputs = chunk->whole_columns, .depth = rows, .out = chunk->changes, .out_stride = STRIP,
      .out_step = STRIP * length};
  run_product(&reads, 0);
  size_t c = 0;
  for (; c + 4 * STRIP <= chunk->whole_columns; c += 4 * STRIP) solve_errors(call, first, chunk, c, 4);
  for (; c < chunk->whole_columns; c += STRIP) solve_errors(call, first, chunk, c, 1);
  if (is_last) return;
  const float *last = chunk->decays + (length - 1) * chunk->width;
  for (size_t i = 0; i < length; i++)
    for (size_t r = 0; r < chunk->whole_rows; r += WIDTH)
      store(
          chunk->last_keys + i * chunk->whole_rows + r, last[i] * load_column(key + i * call->key_stride, r, rows));
  const struct product writes = {
      .x = chunk->last_keys, .rows = rows, .x_stride = chunk->whole_rows, .packed = chunk->changes,
      .strip_floats = STRIP * length, .outputs = chunk->whole_columns, .depth = length, .out = chunk->state,
      .out_stride = STRIP, .out_step = STRIP * rows, .keep = chunk->since[length - 1]};
  run_product(&writes, 1);
}
