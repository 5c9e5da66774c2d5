// What layers do between products.

typedef void (*on_each)(float *x, size_t count);
typedef void (*on_each_pair)(float *x, const float *y, size_t count);

static void check_on_each(const char *name, on_each tested, on_each plain, float *x, size_t count) {
  float *found = copy(x, count), *expected = copy(x, count);
  tested(found, count), plain(expected, count);
  // One by one, as the results are of very different sizes.
  for (size_t i = 0; i < count; i++) compare(name, functions, found + i, expected + i, 1);
  free(found), free(expected);
}

static void check_on_each_pair(
    const char *name, on_each_pair tested, on_each_pair plain, double tolerance, float *x, const float *y,
    size_t count) {
  float *found = copy(x, count), *expected = copy(x, count);
  tested(found, y, count), plain(expected, y, count);
  for (size_t i = 0; i < count; i++) compare(name, tolerance, found + i, expected + i, 1);
  free(found), free(expected);
}

static void check_elementwise(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 3, 8, 31, 500) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *y = random_floats(count, -20, 20);
    // Beyond the ends of exp as well.
    for (size_t i = 5; i < count; i += 10) x[i] *= 10;
    if (count == 500) x[0] = INFINITY, x[1] = -INFINITY, x[2] = NAN;
    check_on_each("exponential", tested->exponential, plain->exponential, x, count);
    check_on_each("silu", tested->silu, plain->silu, x, count);
    check_on_each("sigmoid", tested->sigmoid, plain->sigmoid, x, count);
    check_on_each_pair("add", tested->add, plain->add, same_bits, x, y, count);
    check_on_each_pair("multiply", tested->multiply, plain->multiply, same_bits, x, y, count);
    check_on_each_pair("multiply_silu", tested->multiply_silu, plain->multiply_silu, functions, x, y, count);
    check_on_each_pair("multiply_sigmoid", tested->multiply_sigmoid, plain->multiply_sigmoid, functions, x, y, count);
    float *found = copy(x, count), *expected = copy(x, count);
    tested->log_sigmoid(found, 0.25f, count), plain->log_sigmoid(expected, 0.25f, count);
    for (size_t i = 0; i < count; i++) compare("log_sigmoid", functions, found + i, expected + i, 1);
    memcpy(found, y, count * sizeof *y), memcpy(expected, y, count * sizeof *y);
    tested->log_sigmoid_gradient(x, 0.25f, count, found), plain->log_sigmoid_gradient(x, 0.25f, count, expected);
    for (size_t i = 0; i < count; i++) compare("log_sigmoid_gradient", functions, found + i, expected + i, 1);
    free(found), free(expected), free(x), free(y);
  }
}

static void check_decays(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(channels_of, 1, 3, 16) EACH(heads_of, 1, 5) for (int is_bound = 0; is_bound < 2; is_bound++) {
    const size_t heads = *heads_of, channels = *channels_of, tokens = 3, count = tokens * heads * channels;
    float *rate = random_floats(heads, -2, 2), *bias = random_floats(heads * channels, -3, 3);
    float *found = random_floats(count, -5, 5), *expected = copy(found, count);
    const float bound = is_bound ? -5 : -INFINITY;
    tested->log_decay(found, rate, bias, bound, tokens, heads, channels);
    plain->log_decay(expected, rate, bias, bound, tokens, heads, channels);
    // In sigmoid(exp(rate) x) the error of the inner exp counts 60 times, by a slope of at most 1/4.
    compare("log_decay", 5 * functions, found, expected, count);
    float *x = random_floats(count, -5, 5), *sums_found = space(2 * heads * channels);
    float *sums_expected = space(2 * heads * channels);
    tested->log_decay_gradient(
        x, rate, bias, bound, tokens, heads, channels, found, sums_found, sums_found + heads * channels);
    plain->log_decay_gradient(
        x, rate, bias, bound, tokens, heads, channels, expected, sums_expected, sums_expected + heads * channels);
    compare("log_decay_gradient", 5 * functions, found, expected, count);
    compare("log_decay_gradient", 5 * functions, sums_found, sums_expected, 2 * heads * channels);
    free(x), free(sums_found), free(sums_expected);
    free(rate), free(bias), free(found), free(expected);
  }
}

static void check_norms(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(width_of, 1, 6, 33, 256) {
    const size_t width = *width_of, groups = 3, count = groups * width;
    float *x = random_floats(count, -1, 1), *gain = random_floats(width, 0.5f, 1.5f);
    float *found = copy(x, count), *expected = copy(x, count);
    tested->rms_norm(x, gain, 1e-5f, groups, width, found);
    plain->rms_norm(x, gain, 1e-5f, groups, width, expected);
    compare("rms_norm", functions, found, expected, count);
    memcpy(found, x, count * sizeof *x), memcpy(expected, x, count * sizeof *x);
    tested->l2_normalize(found, 1e-6f, groups, width);
    plain->l2_normalize(expected, 1e-6f, groups, width);
    compare("l2_normalize", functions, found, expected, count);
    free(x), free(gain), free(found), free(expected);
  }
}

static void check_rotation(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(dimension_of, 2, 6, 34, 64) {
    const size_t dimension = *dimension_of, heads = 3, count = heads * dimension;
    float *cosine = random_floats(dimension / 2, -1, 1), *sine = random_floats(dimension / 2, -1, 1);
    float *found = random_floats(count, -1, 1), *expected = copy(found, count);
    tested->rotate(found, heads, dimension, cosine, sine), plain->rotate(expected, heads, dimension, cosine, sine);
    compare("rotate", functions, found, expected, count);
    tested->rotate_back(found, heads, dimension, cosine, sine);
    plain->rotate_back(expected, heads, dimension, cosine, sine);
    compare("rotate_back", functions, found, expected, count);
    free(cosine), free(sine), free(found), free(expected);
  }
}

static void check_convolution(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(channels_of, 1, 7, 64) EACH(tokens_of, 1, 2, 9) EACH(kernel_of, 2, 4) {
    const size_t channels = *channels_of, tokens = *tokens_of, kernel = *kernel_of, stride = channels + 2;
    const size_t count = (tokens - 1) * stride + channels, kept = (kernel - 2) * stride + channels;
    float *x = random_floats(count, -1, 1), *weight = random_floats(channels * kernel, -1, 1);
    float *found = copy(x, count), *expected = copy(x, count), *scratch = space(kernel * ck_convolution_channels);
    float *history = random_floats(kept, -1, 1), *wanted = copy(history, kept);
    tested->convolution(x, tokens, channels, stride, weight, kernel, history, found, scratch);
    plain->convolution(x, tokens, channels, stride, weight, kernel, wanted, expected, scratch);
    compare("convolution", functions, found, expected, count);
    compare("convolution", functions, history, wanted, kept);
    float *gradient = random_floats(count, -1, 1), *taps_found = space(kernel * ck_convolution_channels);
    float *taps_expected = space(kernel * ck_convolution_channels);
    tested->convolution_gradient(x, gradient, tokens, channels, stride, weight, kernel, found, taps_found, scratch);
    plain->convolution_gradient(x, gradient, tokens, channels, stride, weight, kernel, expected, taps_expected, scratch);
    compare("convolution_gradient", functions, found, expected, count);
    compare("convolution_gradient", functions, taps_found, taps_expected, kernel * ck_convolution_channels);
    free(gradient), free(taps_found), free(taps_expected);
    free(x), free(weight), free(found), free(expected), free(scratch), free(history), free(wanted);
  }
}

static void check_attention(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 33, 64, 72) EACH(count_of, 1, 9, 100, 256) {
    const size_t dimension = *dimension_of, count = *count_of, stride = dimension + 1;
    void *keys = random_weight(plain, type, count, dimension), *values = random_weight(plain, type, count, dimension);
    EACH(group_of, 1, 2, 3, 4, 9) {
      const size_t group = *group_of, part = dimension + 2;
      float *query = random_floats((group - 1) * stride + dimension, -1, 1), *scratch = space(ck_attend_scratch(group, dimension, count));
      // Two parts, the second of half the keys.
      float *found = space(2 * group * part), *expected = space(2 * group * part);
      for (size_t p = 0; p < 2; p++) {
        ck_attention_part call = {
            .type = type, .group = group, .dimension = dimension, .query = query, .query_stride = stride, .keys = keys,
            .values = values, .count = p ? (count + 1) / 2 : count, .next_keys = keys, .next_count = count, .scale = 0.3f};
        tested->attend(&call, scratch, found + p * group * part);
        plain->attend(&call, scratch, expected + p * group * part);
      }
      compare("attend", sums, found, expected, 2 * group * part);
      float *out = space(dimension), *wanted = space(dimension);
      tested->combine(expected, 2, group * part, dimension, out);
      plain->combine(expected, 2, group * part, dimension, wanted);
      compare("combine", functions, out, wanted, dimension);
      free(query), free(scratch), free(found), free(expected), free(out), free(wanted);
    }
    free(keys), free(values);
  }
}

static void check_attention_blocks(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 64) EACH(rows_of, 1, 13, 64) EACH(position_of, 0, 5, 300) EACH(window_of, 7, 280, SIZE_MAX - 1) {
    const size_t dimension = *dimension_of, rows = *rows_of, position = *position_of, group = 3;
    const size_t cached = position + rows, stride = group * dimension + 5, count = (rows - 1) * stride + group * dimension;
    void *keys = random_weight(plain, type, cached, dimension), *values = random_weight(plain, type, cached, dimension);
    float *query = random_floats(count, -1, 1), *found = copy(query, count), *expected = copy(query, count);
    float *scratch = space(ck_attention_scratch(group, rows, dimension));
    ck_attention_block call = {
        .type = type, .group = group, .rows = rows, .dimension = dimension, .query = query, .query_stride = stride,
        .keys = keys, .values = values, .position = position, .window = *window_of, .sinks = 2, .scale = 0.3f};
    call.out = found, tested->attend_block(&call, scratch);
    call.out = expected, plain->attend_block(&call, scratch);
    compare("attend_block", sums, found, expected, count);
    free(keys), free(values), free(query), free(found), free(expected), free(scratch);
  }
}

static void check_recurrences(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(rows_of, 5, 64) EACH(columns_of, 3, 16, 37, 70) EACH(tokens_of, 1, 16, 37) for (int form = 0; form < 4; form++) {
    const size_t rows = *rows_of, columns = *columns_of, tokens = *tokens_of, stride = 80;
    const int per_channel = form & 1, delta = form >> 1;
    float *query = random_floats(tokens * stride, -1, 1), *key = random_floats(tokens * stride, -1, 1);
    float *value = random_floats(tokens * stride, -1, 1), *decay = random_floats(tokens * stride, -0.7f, 0);
    float *beta = random_floats(tokens, 0, 1), *first = random_floats(rows * columns, -1, 1);
    // The delta rule asks for keys of length one.
    for (size_t t = 0; t < tokens; t++) plain->l2_normalize(key + t * stride, 1e-6f, 1, rows);
    float *state = copy(first, rows * columns), *wanted_state = copy(first, rows * columns);
    float *found = space(tokens * stride), *expected = space(tokens * stride);
    memset(found, 0, tokens * stride * sizeof(float)), memset(expected, 0, tokens * stride * sizeof(float));
    ck_linear_recurrence call = {
        .tokens = tokens, .key_dimension = rows, .value_dimension = columns, .query = query, .query_stride = stride,
        .key = key, .key_stride = stride, .value = value, .value_stride = stride, .log_decay = decay,
        .log_decay_stride = per_channel ? stride : 1, .per_channel = per_channel, .beta = delta ? beta : NULL,
        .beta_stride = 1, .scale = 0.3f, .state = state, .out = found, .out_stride = stride};
    ck_linear_recurrence wanted = call;
    wanted.state = wanted_state, wanted.out = expected;
    float *scratch = space(ck_recurrence_scratch(rows));
    // In two calls, as threads share out columns.
    const size_t half = columns / 2;
    tested->linear_recurrence(&call, 0, half, scratch), tested->linear_recurrence(&call, half, columns - half, scratch);
    plain->linear_recurrence(&wanted, 0, columns, scratch);
    compare("linear_recurrence", sums, found, expected, tokens * stride);
    compare("linear_recurrence", sums, state, wanted_state, rows * columns);
    if (delta && !per_channel) {
      memcpy(state, first, rows * columns * sizeof *first), memcpy(wanted_state, first, rows * columns * sizeof *first);
      float *chunk = space(ck_chunk_scratch(16, rows, columns));
      tested->delta_rule_chunked(&call, 16, tested->sgemm, chunk);
      plain->delta_rule_chunked(&wanted, 16, plain->sgemm, chunk);
      compare("delta_rule_chunked", sums, found, expected, tokens * stride);
      compare("delta_rule_chunked", sums, state, wanted_state, rows * columns);
      free(chunk);
    }
    free(query), free(key), free(value), free(decay), free(beta), free(first), free(state), free(wanted_state);
    free(found), free(expected), free(scratch);
  }
}

static void check_judgement(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 5001) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *y = random_floats(count, -20, 20);
    compare_doubles(
        "log_sum_exp", functions, tested->log_sum_exp(x, count), plain->log_sum_exp(x, count));
    const float sum = tested->read(x, count), wanted = plain->read(x, count);
    compare_sums("read", count, &sum, &wanted, 1);
    // The divergence of one value from itself is zero but for rounding.
    if (count > 1)
      compare_doubles(
          "divergence", functions, tested->divergence(x, y, count), plain->divergence(x, y, count));
    free(x), free(y);
  }
}
