// The gradient of the linear recurrence, token by token from the last to the first. With S' = e^g S the decayed state
// that a token finds, u what it writes and G the gradient of the state after it,
//   G += scale q dO^T;  dq = scale S dO;  du = G^T k;  dk = G u;  dv = beta du;  dbeta = (v - S'^T k) du
//   dk -= S' dv;  G -= k dv^T;  dg = <G, S'> (of each row, where each has its own decay);  G = e^g G
// where beta is 1 and nothing is erased if values are added. States are kept where blocks of tokens begin, and made
// again inside a block when its turn comes.

/// Memory of one head. Rows are padded with zeros to whole vectors, but for those of `starts`.
struct recurrence_gradient {
  size_t width;     // of a padded row
  float *starts;    // [blocks, rows, columns]: states before the first token of each block
  float *gradient;  // [rows, width], G
  // Of the tokens of a block.
  float *found;    // [rows, width] each: S'
  float *decays;   // [rows] each
  float *errors;   // [width] each: v - S'^T k
  float *updates;  // [width] each: u
  float *reached, *changes;  // [width]: dO and dv of the token at hand
  float *prepared;           // of `linear_recurrence`
};

INLINE floats load_column(const float *row, size_t c, size_t columns) {
  return c + WIDTH <= columns ? load(row + c) : c < columns ? load_first(row + c, columns - c) : (floats)0;
}

/// Adds `x` to what is at a place of a row of `count`, or writes it.
INLINE void put_column(float *row, size_t c, size_t count, floats x, int adding) {
  if (c + WIDTH <= count) {
    store(row + c, adding ? load(row + c) + x : x);
  } else if (c < count) {
    store_first(row + c, adding ? load_first(row + c, count - c) + x : x, count - c);
  }
}

/// The state before each block, where the last is not gone through.
static void keep_starts(const ck_recurrence_gradient *call, struct recurrence_gradient *memory) {
  ck_linear_recurrence block = call->forward;
  const size_t state = block.key_dimension * block.value_dimension;
  block.tokens = ck_recurrence_gradient_block;
  block.state = memory->starts;
  block.out = memory->found;
  block.out_stride = block.value_dimension;
  if (call->initial_state) memcpy(block.state, call->initial_state, state * sizeof(float));
  else memset(block.state, 0, state * sizeof(float));
  for (size_t t = ck_recurrence_gradient_block; t < call->forward.tokens; t += block.tokens) {
    memcpy(block.state + state, block.state, state * sizeof(float));
    block.state += state;
    linear_recurrence(&block, 0, block.value_dimension, memory->prepared);
    block.query += block.tokens * block.query_stride;
    block.key += block.tokens * block.key_stride;
    block.value += block.tokens * block.value_stride;
    block.log_decay += block.tokens * block.log_decay_stride;
    if (block.beta) block.beta += block.tokens * block.beta_stride;
  }
}

/// What the tokens of a block find, miss and write, some vectors of columns over all of its time. Making the state for
/// one token and reading it by the next is one pass.
INLINE void remake_columns(
    const ck_linear_recurrence *call, size_t first, size_t count, const float *start, size_t c, int vectors,
    struct recurrence_gradient *memory) {
  const size_t rows = call->key_dimension, columns = call->value_dimension, width = memory->width;
  floats read[4], update[4];
  for (size_t i = 0; i < count; i++) {
    const size_t before = i > 0 ? i - 1 : 0;
    const float *key = call->key + (first + i) * call->key_stride, *decays = memory->decays + i * rows;
    const float *last_key = call->key + (first + before) * call->key_stride;
    const float *last = memory->found + before * rows * width + c;
    float *found = memory->found + i * rows * width + c;
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) read[v] = 0;
    for (size_t r = 0; r < rows; r++, last += width, found += width) {
      const floats k = (floats)key[r], written = (floats)last_key[r], decay = (floats)decays[r];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        const size_t place = (size_t)v * WIDTH;
        floats state = i > 0 ? multiply_add(written, update[v], load(last + place))
                             : load_column(start + r * columns, c + place, columns);
        state *= decay;
        store(found + place, state);
        read[v] = multiply_add(k, state, read[v]);
      }
    }
    const float *value = call->value + (first + i) * call->value_stride;
    const float beta = call->beta ? call->beta[(first + i) * call->beta_stride] : 1;
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats error = load_column(value, c + (size_t)v * WIDTH, columns);
      if (call->beta) error -= read[v];
      update[v] = beta * error;
      store(memory->errors + i * width + c + (size_t)v * WIDTH, error);
      store(memory->updates + i * width + c + (size_t)v * WIDTH, update[v]);
    }
  }
}

static void remake_block(
    const ck_linear_recurrence *call, size_t first, size_t count, const float *start,
    struct recurrence_gradient *memory) {
  const size_t rows = call->key_dimension;
  for (size_t i = 0; i < count; i++) {
    const float *log_decay = call->log_decay + (first + i) * call->log_decay_stride;
    for (size_t r = 0; r < rows; r++) memory->decays[i * rows + r] = log_decay[call->per_channel ? r : 0];
  }
  exponential(memory->decays, count * rows);
  size_t c = 0;
  for (; c + 4 * WIDTH <= memory->width; c += 4 * WIDTH) remake_columns(call, first, count, start, c, 4, memory);
  for (; c < memory->width; c += WIDTH) remake_columns(call, first, count, start, c, 1, memory);
}

/// `G += scale q dO^T` and du of some vectors of columns.
INLINE void reach_columns(
    const ck_linear_recurrence *call, size_t t, size_t c, int vectors, const struct recurrence_gradient *memory) {
  const float *key = call->key + t * call->key_stride, *query = call->query + t * call->query_stride;
  const size_t rows = call->key_dimension, width = memory->width;
  float *gradient = memory->gradient + c;
  floats reached[4], change[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    reached[v] = call->scale * load(memory->reached + c + (size_t)v * WIDTH);
    change[v] = 0;
  }
  for (size_t r = 0; r < rows; r++, gradient += width) {
    const floats q = (floats)query[r], k = (floats)key[r];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      floats g = multiply_add(q, reached[v], load(gradient + (size_t)v * WIDTH));
      store(gradient + (size_t)v * WIDTH, g);
      change[v] = multiply_add(k, g, change[v]);
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) store(memory->changes + c + (size_t)v * WIDTH, change[v]);
}

/// What some rows of the state have to do with a token.
struct returning_rows {
  size_t width;
  const float *found;
  float *gradient;
  const float *update, *reached, *changes;
};

/// Takes `count` rows, a constant, of G before the token. Leaves sums over the columns of each: of dq / scale without
/// the token's own part, of what dk is by writing and by erasing, of the row's part of dg.
INLINE void return_rows(
    struct returning_rows rows, int count, const float *erased, const float *decays, floats4 *sums) {
  floats read[2], written[2], erasing[2], forgotten[2], erase[2], decay[2];
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) {
    read[r] = written[r] = erasing[r] = forgotten[r] = 0;
    erase[r] = (floats)erased[r], decay[r] = (floats)decays[r];
  }
  for (size_t c = 0; c < rows.width; c += WIDTH) {
    const floats y = load(rows.reached + c), u = load(rows.update + c), d = load(rows.changes + c);
#pragma clang loop unroll(full)
    for (int r = 0; r < count; r++) {
      const size_t place = (size_t)r * rows.width + c;
      floats s = load(rows.found + place), g = load(rows.gradient + place);
      read[r] = multiply_add(s, y, read[r]);
      written[r] = multiply_add(g, u, written[r]);
      erasing[r] = multiply_add(s, d, erasing[r]);
      g = multiply_add(erase[r], d, g);
      forgotten[r] = multiply_add(g, s, forgotten[r]);
      store(rows.gradient + place, decay[r] * g);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < count; r++) sums[r] = sums_of(read[r], written[r], erasing[r], forgotten[r]);
}

/// Token `t`, which is number `i` of its block.
static void return_token(
    const ck_recurrence_gradient *call, size_t t, size_t i, const struct recurrence_gradient *memory) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t rows = forward->key_dimension, columns = forward->value_dimension, width = memory->width;
  const float *update = memory->updates + i * width, *key = forward->key + t * forward->key_stride;
  for (size_t c = 0; c < width; c += WIDTH)
    store(memory->reached + c, load_column(call->out_gradient + t * forward->out_stride, c, columns));
  size_t c = 0;
  for (; c + 4 * WIDTH <= width; c += 4 * WIDTH) reach_columns(forward, t, c, 4, memory);
  for (; c < width; c += WIDTH) reach_columns(forward, t, c, 1, memory);
  float beta = 1;
  if (forward->beta) {
    beta = forward->beta[t * forward->beta_stride];
    call->beta_gradient[t * forward->beta_stride] = dot(memory->errors + i * width, memory->changes, width);
  }
  for (c = 0; c < width; c += WIDTH) {
    const floats change = beta * load(memory->changes + c);
    store(memory->changes + c, change);
    put_column(call->value_gradient + t * forward->value_stride, c, columns, change, call->adding);
  }
  const float own = dot(update, memory->reached, width), erases = forward->beta ? -1 : 0, scale = forward->scale;
  const float *decays = memory->decays + i * rows;
  float *query_gradient = call->query_gradient + t * forward->query_stride;
  float *key_gradient = call->key_gradient + t * forward->key_stride;
  float *decay_gradient = call->decay_gradient + t * forward->log_decay_stride;
  float forgotten = 0;
  struct returning_rows some = {
      width, memory->found + i * rows * width, memory->gradient, update, memory->reached, memory->changes};
  for (size_t r = 0, count; r < rows; r += count, some.found += count * width, some.gradient += count * width) {
    floats4 sums[2];
    const float erased[2] = {erases * key[r], r + 1 < rows ? erases * key[r + 1] : 0};
    count = r + 1 < rows ? 2 : 1;
    if (count == 2) return_rows(some, 2, erased, decays + r, sums);
    else return_rows(some, 1, erased, decays + r, sums);
    for (size_t n = 0; n < count; n++) {
      const size_t row = r + n;
      query_gradient[row] = scale * (sums[n].x + key[row] * own);
      key_gradient[row] = (call->adding ? key_gradient[row] : 0) + sums[n].y + erases * sums[n].z;
      if (forward->per_channel) decay_gradient[row] = sums[n].w;
      forgotten += sums[n].w;
    }
  }
  if (!forward->per_channel) *decay_gradient = forgotten;
}

static void linear_recurrence_gradient(const ck_recurrence_gradient *call, float *scratch) {
  const ck_linear_recurrence *forward = &call->forward;
  const size_t rows = forward->key_dimension, columns = forward->value_dimension, tokens = forward->tokens;
  const size_t width = (columns + WIDTH - 1) / WIDTH * WIDTH;
  struct recurrence_gradient memory = {.width = width, .gradient = scratch};
  memory.found = memory.gradient + rows * width;
  memory.errors = memory.found + ck_recurrence_gradient_block * rows * width;
  memory.updates = memory.errors + ck_recurrence_gradient_block * width;
  memory.reached = memory.updates + ck_recurrence_gradient_block * width;
  memory.changes = memory.reached + width;
  memory.decays = memory.changes + width;
  memory.prepared = memory.decays + ck_recurrence_gradient_block * rows;
  memory.starts = memory.prepared + ck_recurrence_scratch(rows);
  keep_starts(call, &memory);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < width; c += WIDTH)
      store(
          memory.gradient + r * width + c,
          call->final_gradient ? load_column(call->final_gradient + r * columns, c, columns) : (floats)0);
  for (size_t end = tokens; end > 0;) {
    const size_t block = (end - 1) / ck_recurrence_gradient_block, first = block * ck_recurrence_gradient_block;
    remake_block(forward, first, end - first, memory.starts + block * rows * columns, &memory);
    for (size_t t = end; t-- > first;) return_token(call, t, t - first, &memory);
    end = first;
  }
  if (call->initial_gradient)
    for (size_t r = 0; r < rows; r++)
      memcpy(call->initial_gradient + r * columns, memory.gradient + r * width, columns * sizeof(float));
}
