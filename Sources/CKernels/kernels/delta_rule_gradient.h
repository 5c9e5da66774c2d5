// The gradient of the delta rule with one decay a head, in chunks: the way back, see delta_rule_chunk.h.

/// Lays out what the products of the way back read.
static void lay_out_chunk(const ck_recurrence_gradient *call, size_t first, struct delta_gradient *chunk) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t length = chunk->length, rows = chunk->rows, whole_rows = chunk->whole_rows;
  const float *last = chunk->decays + (length - 1) * chunk->width;
  for (size_t i = 0; i < length; i++) {
    const size_t t = first + i;
    const float *key = forward->key + t * forward->key_stride, *query = forward->query + t * forward->query_stride;
    const float *reached = call->out_gradient + t * forward->out_stride;
    const float beta = forward->beta[t * forward->beta_stride], since = chunk->since[i];
    for (size_t r = 0; r < whole_rows; r += WIDTH) {
      const size_t place = (r / STRIP * length + i) * STRIP + r % STRIP;
      const floats k = load_column(key, r, rows), q = load_column(query, r, rows);
      store(chunk->keys + place, k);
      store(chunk->queries + place, q);
      store(chunk->last_keys + i * whole_rows + r, last[i] * k);
      store(chunk->readers + i * whole_rows + r, (forward->scale * since) * q);
      store(chunk->readers + (length + i) * whole_rows + r, (-beta * since) * k);
    }
    for (size_t c = 0; c < chunk->whole_columns; c += WIDTH) {
      store(
          chunk->changes + (c / STRIP * 2 * length + i) * STRIP + c % STRIP, load_column(reached, c, chunk->columns));
      store(
          chunk->updates + i * chunk->whole_columns + c, beta * load(chunk->errors + t * chunk->whole_columns + c));
    }
    float *lower = chunk->pairs + t * chunk->width;
    for (size_t j = 0; j < chunk->width; j += WIDTH) store(lower + j, beta * load(lower + j));
  }
  pack_of_type(
      ck_float32, (const char *)(forward->key + first * forward->key_stride), forward->key_stride * sizeof(float),
      length, 0, rows, chunk->keys_by_token, STRIP * rows);
  pack_of_type(
      ck_float32, (const char *)chunk->updates, chunk->whole_columns * sizeof(float), length, 0, chunk->columns,
      chunk->updates_by_token, STRIP * chunk->columns);
  turn_state(chunk, chunk->gradient, chunk->turned_gradient);
}

/// Makes M and N of products of Y and Z with U, N + N^T in place of N, and what passes from earlier to later tokens.
static void weigh_changes(const ck_linear_recurrence *call, size_t first, struct delta_gradient *chunk) {
  const size_t width = chunk->width;
  float *sums = chunk->read;  // of the columns, over the tokens from i on
  memset(sums, 0, width * sizeof *sums);
  ints lanes;
  for (int lane = 0; lane < WIDTH; lane++) lanes[lane] = lane;
  for (size_t i = chunk->length; i-- > 0;) {
    const float beta = call->beta[(first + i) * call->beta_stride];
    floats sum = 0;
    for (size_t j = 0; j < width; j += WIDTH) {
      const size_t place = i * width + j;
      const floats decay = load(chunk->decays + place);
      const ints reached = decay > 0.0f, before = lanes + (int)j < (int)i, passes = reached & before;
      const floats y = load(chunk->query_pairs + place), z = load(chunk->key_pairs + place);
      const floats n = passes ? -beta * decay * z : (floats)0;
      store(chunk->query_pairs + place, reached ? call->scale * decay * y : (floats)0);
      store(chunk->key_pairs + place, n);
      const floats passed =
          y * load(chunk->weights + place) - z * load(chunk->pairs + first * width + place);
      store(sums + j, load(sums + j) + (passes ? passed : (floats)0));
      sum += before ? load(sums + j) : (floats)0;
    }
    chunk->between[i] = sum_of(sum);
  }
  for (size_t i = 0; i < chunk->length; i++)
    for (size_t j = 0; j < i; j++) chunk->key_pairs[j * width + i] = chunk->key_pairs[i * width + j];
}

/// The gradients of what a token is by itself, and of query and key what comes by the state.
static void finish_token(const ck_recurrence_gradient *call, size_t first, size_t i, struct delta_gradient *chunk) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t t = first + i, rows = chunk->rows, length = chunk->length;
  const float *key = forward->key + t * forward->key_stride, *query = forward->query + t * forward->query_stride;
  const float beta = forward->beta[t * forward->beta_stride];
  const float query_factor = forward->scale * chunk->since[i], key_factor = -beta * chunk->since[i];
  const float last = chunk->decays[(length - 1) * chunk->width + i];
  floats read = 0, erased = 0, written = 0, missed = 0;
  for (size_t r = 0; r < chunk->whole_rows; r += WIDTH) {
    const size_t place = i * chunk->whole_rows + r;
    const floats q = query_factor * load(chunk->query_reads + place);
    const floats k = key_factor * load(chunk->key_reads + place), w = last * load(chunk->key_writes + place);
    read = multiply_add(load_column(query, r, rows), q, read);
    erased = multiply_add(load_column(key, r, rows), k, erased);
    written = multiply_add(load_column(key, r, rows), w, written);
    put_column(call->query_gradient + t * forward->query_stride, r, rows, q, 0);
    put_column(call->key_gradient + t * forward->key_stride, r, rows, k + w, call->adding);
  }
  for (size_t c = 0; c < chunk->whole_columns; c += WIDTH) {
    const floats z = load(chunk->solution + i * chunk->whole_columns + c);
    missed = multiply_add(z, load(chunk->errors + t * chunk->whole_columns + c), missed);
    put_column(call->value_gradient + t * forward->value_stride, c, chunk->columns, beta * z, call->adding);
  }
  const floats4 sums = sums_of(read, erased, written, missed);
  chunk->read[i] = sums.x + sums.y;
  chunk->written[i] = sums.z;
  call->beta_gradient[t * forward->beta_stride] = sums.w;
}

static float dot_of_states(const float *x, const float *y, size_t count) {
  floats sum[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < count; i += 4 * WIDTH)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < 4; v++) sum[v] = multiply_add(load(x + i + v * WIDTH), load(y + i + v * WIDTH), sum[v]);
  return sum_of((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// What the chunk writes, and what the one before it reads.
static void fetch_chunk(const ck_recurrence_gradient *call, size_t first, const struct delta_gradient *chunk) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t length = chunk->length, rows = chunk->rows, columns = chunk->columns;
  fetch_rows(call->query_gradient + first * forward->query_stride, length, forward->query_stride, rows);
  fetch_rows(call->key_gradient + first * forward->key_stride, length, forward->key_stride, rows);
  fetch_rows(call->value_gradient + first * forward->value_stride, length, forward->value_stride, columns);
  // The last chunk may be shorter than those before it.
  const size_t before = first < length ? 0 : first - length;
  fetch_rows(forward->query + before * forward->query_stride, length, forward->query_stride, rows);
  fetch_rows(forward->key + before * forward->key_stride, length, forward->key_stride, rows);
  fetch_rows(call->out_gradient + before * forward->out_stride, length, forward->out_stride, columns);
}

static void return_chunk(
    const ck_recurrence_gradient *call, size_t first, const float *turned_state, struct delta_gradient *chunk) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t length = chunk->length, rows = chunk->rows, columns = chunk->columns;
  const size_t whole_rows = chunk->whole_rows, whole_columns = chunk->whole_columns;
  const float *query = forward->query + first * forward->query_stride;
  const float *reached = call->out_gradient + first * forward->out_stride;
  decay_chunk(forward, first, chunk);
  lay_out_chunk(call, first, chunk);
  fetch_chunk(call, first, chunk);

  multiply_lower(chunk, query, forward->query_stride, chunk->keys_by_token, rows, chunk->weights);
  for (size_t i = 0; i < length * chunk->width; i += WIDTH) {
    const floats decay = load(chunk->decays + i);
    store(chunk->weights + i, decay > 0.0f ? forward->scale * decay * load(chunk->weights + i) : (floats)0);
  }
  struct product changes = {
      .packed = chunk->changes, .strip_floats = 2 * length * STRIP, .outputs = whole_columns,
      .out = chunk->changes + length * STRIP, .out_stride = STRIP, .out_step = 2 * length * STRIP};
  multiply_by_lower(chunk, chunk->weights, 1, changes);
  changes.x = chunk->last_keys, changes.rows = length, changes.x_stride = whole_rows, changes.depth = rows;
  changes.packed = chunk->gradient, changes.strip_floats = STRIP * rows, changes.keep = 1;
  run_product(&changes, 0);
  size_t c = 0;
  for (; c + 4 * STRIP <= whole_columns; c += 4 * STRIP) solve_changes(first, chunk, c, 4);
  for (; c < whole_columns; c += STRIP) solve_changes(first, chunk, c, 1);

  struct product by_state = {
      .x = reached, .rows = length, .x_stride = forward->out_stride, .packed = turned_state,
      .strip_floats = STRIP * whole_columns, .outputs = whole_rows, .depth = columns, .out = chunk->query_reads,
      .out_stride = whole_rows, .out_step = STRIP};
  run_product(&by_state, 0);
  by_state.x = chunk->solution, by_state.x_stride = whole_columns, by_state.out = chunk->key_reads;
  run_product(&by_state, 0);
  by_state.x = chunk->updates, by_state.packed = chunk->turned_gradient, by_state.out = chunk->key_writes;
  run_product(&by_state, 0);

  multiply_lower(chunk, reached, forward->out_stride, chunk->updates_by_token, columns, chunk->query_pairs);
  multiply_lower(chunk, chunk->solution, whole_columns, chunk->updates_by_token, columns, chunk->key_pairs);
  weigh_changes(forward, first, chunk);
  for (size_t i = 0; i < length; i++) finish_token(call, first, i, chunk);
  struct product by_pairs = {
      .packed = chunk->keys, .strip_floats = STRIP * length, .outputs = rows,
      .out = call->query_gradient + first * forward->query_stride, .out_stride = forward->query_stride,
      .out_step = STRIP, .keep = 1};
  multiply_by_lower(chunk, chunk->query_pairs, 0, by_pairs);
  by_pairs.out = call->key_gradient + first * forward->key_stride, by_pairs.out_stride = forward->key_stride;
  by_pairs.x = chunk->key_pairs, by_pairs.x_stride = chunk->width, by_pairs.rows = by_pairs.depth = length;
  run_product(&by_pairs, 0);
  by_pairs.packed = chunk->queries;
  multiply_by_lower(chunk, chunk->query_pairs, 1, by_pairs);

  const float kept = chunk->since[length - 1];
  float before = kept * dot_of_states(chunk->turned_gradient, turned_state, whole_rows * whole_columns), after = 0;
  for (size_t i = length; i-- > 0;) {
    after += chunk->read[i];
    chunk->between[i] += after;
  }
  for (size_t i = 0; i < length; i++) {
    call->decay_gradient[(first + i) * forward->log_decay_stride] = before + chunk->between[i];
    before += chunk->written[i];
  }
  const struct product gradient = {
      .x = chunk->readers, .rows = rows, .x_stride = whole_rows, .packed = chunk->changes,
      .strip_floats = 2 * length * STRIP, .outputs = whole_columns, .depth = 2 * length, .out = chunk->gradient,
      .out_stride = STRIP, .out_step = STRIP * rows, .keep = kept};
  run_product(&gradient, 1);
}

/// Strips of columns of a state, or zeros.
static void load_strips(const struct delta_gradient *chunk, const float *source, float *strips) {
  if (source) pack_turned(ck_float32, source, chunk->columns, chunk->rows, strips);
  else memset(strips, 0, chunk->rows * chunk->whole_columns * sizeof *strips);
}

static void delta_rule_gradient(const ck_recurrence_gradient *call, size_t length, float *scratch) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t tokens = forward->tokens;
  struct delta_gradient chunk = {.rows = forward->key_dimension, .columns = forward->value_dimension};
  chunk.whole_rows = (chunk.rows + STRIP - 1) / STRIP * STRIP;
  chunk.whole_columns = (chunk.columns + STRIP - 1) / STRIP * STRIP;
  chunk.width = (length + STRIP - 1) / STRIP * STRIP;
  const size_t state = chunk.whole_rows * chunk.whole_columns;
  const struct {
    float **place;
    size_t count;
  } parts[] = {
      {&chunk.states, (tokens + length - 1) / length * state},
      {&chunk.errors, tokens * chunk.whole_columns},
      {&chunk.pairs, tokens * chunk.width},
      {&chunk.state, state},
      {&chunk.gradient, state},
      {&chunk.turned_gradient, state},
      {&chunk.keys_by_token, chunk.width * chunk.whole_rows},
      {&chunk.updates_by_token, chunk.width * chunk.whole_columns},
      {&chunk.keys, length * chunk.whole_rows},
      {&chunk.queries, length * chunk.whole_rows},
      {&chunk.changes, 2 * length * chunk.whole_columns},
      {&chunk.last_keys, length * chunk.whole_rows},
      {&chunk.readers, 2 * length * chunk.whole_rows},
      {&chunk.query_reads, length * chunk.whole_rows},
      {&chunk.key_reads, length * chunk.whole_rows},
      {&chunk.key_writes, length * chunk.whole_rows},
      {&chunk.solution, length * chunk.whole_columns},
      {&chunk.updates, length * chunk.whole_columns},
      {&chunk.decays, length * chunk.width},
      {&chunk.weights, length * chunk.width},
      {&chunk.query_pairs, length * chunk.width},
      {&chunk.key_pairs, length * chunk.width},
      {&chunk.since, chunk.width},
      {&chunk.between, chunk.width},
      {&chunk.read, chunk.width},
      {&chunk.written, chunk.width},
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    *parts[i].place = scratch;
    scratch += parts[i].count;
  }
  load_strips(&chunk, call->initial_state, chunk.state);
  load_strips(&chunk, call->final_gradient, chunk.gradient);
  size_t chunks = 0;
  for (size_t t = 0; t < tokens; t += length, chunks++) {
    chunk.length = tokens - t < length ? tokens - t : length;
    pass_chunk(forward, t, chunk.states + chunks * state, t + length >= tokens, &chunk);
  }
  while (chunks-- > 0) {
    const size_t first = chunks * length;
    chunk.length = tokens - first < length ? tokens - first : length;
    return_chunk(call, first, chunk.states + chunks * state, &chunk);
  }
  if (call->initial_gradient)
    for (size_t r = 0; r < chunk.rows; r++)
      for (size_t c = 0; c < chunk.columns; c++)
        call->initial_gradient[r * chunk.columns + c] =
            chunk.gradient[(c / STRIP * chunk.rows + r) * STRIP + c % STRIP];
}
