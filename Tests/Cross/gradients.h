// Derivatives, losses and the optimiser.

static void check_attention_gradients(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(dimension_of, 6, 64) EACH(rows_of, 1, 97, 300) EACH(window_of, 1, 70, SIZE_MAX - 1) EACH(sinks_of, 0, 2) {
    const size_t dimension = *dimension_of, rows = *rows_of, group = 3, stride = group * dimension + 5;
    const size_t key_stride = dimension + 3, count = (rows - 1) * stride + group * dimension;
    const size_t key_count = (rows - 1) * key_stride + dimension;
    void *keys = random_weight(plain, type, rows, dimension), *values = random_weight(plain, type, rows, dimension);
    float *query = random_floats(count, -1, 1), *gradient = random_floats(count, -1, 1);
    float *query_found = copy(query, count), *query_expected = copy(query, count);
    float *found = random_floats(2 * key_count, -1, 1), *expected = copy(found, 2 * key_count);
    float *scratch = space(ck_attention_gradient_scratch(rows, dimension));
    ck_attention_gradient call = {
        .forward = {.type = type, .group = group, .rows = rows, .dimension = dimension, .query = query,
                    .query_stride = stride, .keys = keys, .values = values, .window = *window_of, .sinks = *sinks_of,
                    .scale = 0.3f, .out = query_found},
        .out_gradient = gradient, .key_stride = key_stride};
    call.query_gradient = query_found, call.key_gradient = found, call.value_gradient = found + key_count;
    tested->attention_gradient(&call, scratch);
    call.query_gradient = query_expected, call.key_gradient = expected, call.value_gradient = expected + key_count;
    plain->attention_gradient(&call, scratch);
    compare("attention_gradient", sums, query_found, query_expected, count);
    compare("attention_gradient", sums, found, expected, key_count);
    compare("attention_gradient", sums, found + key_count, expected + key_count, key_count);
    free(keys), free(values), free(query), free(gradient), free(query_found), free(query_expected);
    free(found), free(expected), free(scratch);
  }
}

/// What a gradient of a recurrence writes: of queries, keys, values, decays, strengths, the first state.
static void recurrence_results(ck_recurrence_gradient *call, float *results, size_t count) {
  call->query_gradient = results, call->key_gradient = results + count, call->value_gradient = results + 2 * count;
  call->decay_gradient = results + 3 * count;
  if (call->forward.beta) call->beta_gradient = results + 4 * count;
  call->initial_gradient = results + 5 * count;
}

static void check_recurrence_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(rows_of, 5, 64) EACH(columns_of, 3, 16, 37, 70) EACH(tokens_of, 1, 16, 37) for (int form = 0; form < 8; form++) {
    const size_t rows = *rows_of, columns = *columns_of, tokens = *tokens_of, stride = 80, count = tokens * stride;
    const int per_channel = form & 1, delta = form >> 1 & 1, is_alone = form >> 2;
    const size_t state = rows * columns, all = 5 * count + state;
    float *operands = random_floats(4 * count, -1, 1), *decay = random_floats(count, -0.7f, 0);
    float *beta = random_floats(tokens, 0, 1), *states = random_floats(2 * state, -1, 1);
    float *query = operands, *key = operands + count, *value = operands + 2 * count;
    // The delta rule asks for keys of length one.
    for (size_t t = 0; t < tokens; t++) plain->l2_normalize(key + t * stride, 1e-6f, 1, rows);
    float *found = random_floats(all, -1, 1), *expected = copy(found, all);
    ck_recurrence_gradient call = {
        .forward = {.tokens = tokens, .key_dimension = rows, .value_dimension = columns, .query = query,
                    .query_stride = stride, .key = key, .key_stride = stride, .value = value, .value_stride = stride,
                    .log_decay = decay, .log_decay_stride = per_channel ? stride : 1, .per_channel = per_channel,
                    .beta = delta ? beta : NULL, .beta_stride = 1, .scale = 0.3f, .state = states, .out = value,
                    .out_stride = stride},
        .out_gradient = operands + 3 * count, .initial_state = is_alone ? NULL : states,
        .final_gradient = is_alone ? NULL : states + state, .adding = is_alone};
    float *scratch = space(ck_recurrence_gradient_scratch(tokens, rows, columns));
    recurrence_results(&call, found, count), tested->linear_recurrence_gradient(&call, scratch);
    recurrence_results(&call, expected, count), plain->linear_recurrence_gradient(&call, scratch);
    for (size_t i = 0; i < all; i += count)
      compare("linear_recurrence_gradient", sums, found + i, expected + i, all - i < count ? all - i : count);
    if (delta && !per_channel) {
      float *chunk = space(ck_delta_rule_gradient_scratch(tokens, 13, rows, columns));
      recurrence_results(&call, found, count), tested->delta_rule_gradient(&call, 13, chunk);
      recurrence_results(&call, expected, count), plain->delta_rule_gradient(&call, 13, chunk);
      for (size_t i = 0; i < all; i += count)
        compare("delta_rule_gradient", sums, found + i, expected + i, all - i < count ? all - i : count);
      free(chunk);
    }
    free(operands), free(decay), free(beta), free(states), free(found), free(expected), free(scratch);
  }
}

static void check_input_gradients(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  // A stride of whole pages among them.
  EACH(outputs_of, 1, 7, 100, 403, 800) EACH(inputs_of, 1, 3, 37, 100, 230) EACH(stride_of, 0, 1024) {
    const size_t outputs = *outputs_of, stride = *stride_of ? *stride_of : outputs + 3;
    const size_t inputs = is_quantised(type) ? (*inputs_of + ck_block - 1) / ck_block * ck_block : *inputs_of;
    void *weight = random_weight(plain, type, outputs, inputs);
    EACH(rows_of, 1, 5, 12, 29) for (int part = 0; part < 2; part++) {
      const size_t rows = *rows_of, first = part ? inputs / 2 / ck_block * ck_block : 0;
      const size_t columns = part ? (inputs - first) / 2 / ck_block * ck_block : inputs;
      if (columns == 0) continue;
      const size_t out_stride = columns + 2, results = (rows - 1) * out_stride + columns;
      float *gradient = random_floats((rows - 1) * stride + outputs, -1, 1);
      float *found = random_floats(results, -1, 1), *expected = copy(found, results);
      float *scratch = space(ck_input_gradient_scratch(rows));
      for (int accumulate = 0; accumulate < 2; accumulate++) {
        tested->linear_input_gradient(
            type, weight, outputs, inputs, first, columns, gradient, rows, stride, found, out_stride, accumulate, scratch);
        plain->linear_input_gradient(
            type, weight, outputs, inputs, first, columns, gradient, rows, stride, expected, out_stride, accumulate,
            scratch);
        compare_sums("linear_input_gradient", outputs, found, expected, results);
      }
      free(gradient), free(found), free(expected), free(scratch);
    }
    free(weight);
  }
}

static void check_weight_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(tokens_of, 1, 5, 100, 256, 600) EACH(outputs_of, 1, 6, 12, 13, 40) EACH(inputs_of, 1, 16, 33, 100) {
    const size_t tokens = *tokens_of, outputs = *outputs_of, inputs = *inputs_of;
    const size_t out_stride = inputs + 2, results = (outputs - 1) * out_stride + inputs;
    float *gradient = random_floats((tokens - 1) * (outputs + 1) + outputs, -1, 1);
    float *x = random_floats((tokens - 1) * (inputs + 3) + inputs, -1, 1);
    float *found = random_floats(results, -1, 1), *expected = copy(found, results);
    float *scratch = space(ck_weight_gradient_scratch(outputs));
    tested->linear_weight_gradient(
        gradient, outputs, outputs + 1, x, inputs, inputs + 3, tokens, found, out_stride, scratch);
    plain->linear_weight_gradient(
        gradient, outputs, outputs + 1, x, inputs, inputs + 3, tokens, expected, out_stride, scratch);
    compare_sums("linear_weight_gradient", tokens, found, expected, results);
    free(gradient), free(x), free(found), free(expected), free(scratch);
  }
}

static void check_row_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(width_of, 1, 6, 33, 256) for (int has_gain = 0; has_gain < 2; has_gain++) {
    const size_t width = *width_of, groups = 5, count = groups * width;
    float *x = random_floats(count, -1, 1), *gain = random_floats(width, 0.5f, 1.5f);
    float *gradient = random_floats(count, -1, 1), *before = random_floats(width, -1, 1);
    float *found = copy(gradient, count), *expected = copy(gradient, count);
    float *gain_found = copy(before, width), *gain_expected = copy(before, width);
    tested->rms_norm_gradient(
        x, gain, 1e-5f, gradient, groups, width, found, has_gain ? gain_found : NULL);
    plain->rms_norm_gradient(
        x, gain, 1e-5f, gradient, groups, width, expected, has_gain ? gain_expected : NULL);
    // Of one column, what reaches x is all but nothing, and a gain's sum over rows may cancel: the scale is what went in.
    compare_scaled("rms_norm_gradient", functions, 1, found, expected, count);
    compare_scaled("rms_norm_gradient", functions, 1, gain_found, gain_expected, width);
    memcpy(found, gradient, count * sizeof *x), memcpy(expected, gradient, count * sizeof *x);
    tested->scale_gradient(x, gain, found, groups, width, has_gain ? gain_found : NULL);
    plain->scale_gradient(x, gain, expected, groups, width, has_gain ? gain_expected : NULL);
    compare("scale_gradient", functions, found, expected, count);
    compare_scaled("scale_gradient", functions, 1, gain_found, gain_expected, width);
    memcpy(found, gradient, count * sizeof *x), memcpy(expected, gradient, count * sizeof *x);
    tested->l2_normalize_gradient(x, 1e-6f, found, groups, width);
    plain->l2_normalize_gradient(x, 1e-6f, expected, groups, width);
    compare_scaled("l2_normalize_gradient", functions, 1, found, expected, count);
    memcpy(gain_found, before, width * sizeof *x), memcpy(gain_expected, before, width * sizeof *x);
    tested->add_rows(x, groups, width, width, gain_found), plain->add_rows(x, groups, width, width, gain_expected);
    compare("add_rows", same_bits, gain_found, gain_expected, width);
    free(x), free(gain), free(gradient), free(before), free(found), free(expected), free(gain_found);
    free(gain_expected);
  }
}

typedef void (*gradient_of_gated)(const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count);

static void check_gated_gradient(
    const char *name, gradient_of_gated tested, gradient_of_gated plain, const float *x, const float *gate,
    const float *gradient, size_t count) {
  float *found = copy(gradient, count), *expected = copy(gradient, count), *gates = space(count), *wanted = space(count);
  tested(x, gate, found, gates, count), plain(x, gate, expected, wanted, count);
  for (size_t i = 0; i < count; i++) {
    compare(name, functions, found + i, expected + i, 1);
    // Where SiLU is least, its slope is a difference.
    compare_scaled(name, functions, fabsf(gradient[i] * x[i]), gates + i, wanted + i, 1);
  }
  free(found), free(expected), free(gates), free(wanted);
}

static void check_activation_gradients(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 3, 8, 31, 500) {
    const size_t count = *count_of;
    float *x = random_floats(count, -20, 20), *gate = random_floats(count, -20, 20), *y = random_floats(count, 0, 1);
    for (size_t i = 5; i < count; i += 10) gate[i] *= 10;
    float *gradient = random_floats(count, -1, 1), *found = copy(gradient, count), *expected = copy(gradient, count);
    tested->silu_gradient(x, found, count), plain->silu_gradient(x, expected, count);
    compare("silu_gradient", functions, found, expected, count);
    tested->sigmoid_gradient(y, found, count), plain->sigmoid_gradient(y, expected, count);
    compare("sigmoid_gradient", functions, found, expected, count);
    check_gated_gradient(
        "multiply_silu_gradient", tested->multiply_silu_gradient, plain->multiply_silu_gradient, x, gate, gradient,
        count);
    check_gated_gradient(
        "multiply_sigmoid_gradient", tested->multiply_sigmoid_gradient, plain->multiply_sigmoid_gradient, x, gate,
        gradient, count);
    free(x), free(gate), free(y), free(gradient), free(found), free(expected);
  }
}

static void check_losses(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 2, 7, 50, 5001) EACH(apart_of, 1, 40) {
    const size_t count = *count_of;
    float *teacher = random_floats(count, -20, 20), *student = copy(teacher, count);
    const float apart = (float)*apart_of / 2;
    for (size_t i = 0; i < count; i++) student[i] += uniform(-apart, apart);
    if (count > 7) teacher[3] = -INFINITY;
    float *found = copy(student, count), *expected = copy(student, count);
    double loss = tested->divergence_gradient(teacher, found, count, 2, 0.1f);
    double wanted = plain->divergence_gradient(teacher, expected, count, 2, 0.1f);
    compare_doubles("divergence_gradient", functions, loss, wanted);
    compare("divergence_gradient", functions, found, expected, count);

    const size_t entries = count / 2 < 9 ? count / 2 : 9;
    int32_t ids[9];
    float logarithms[9], listed[9];
    for (size_t k = 0; k < entries; k++) ids[k] = (int32_t)(2 * k), logarithms[k] = -3 - (float)k;
    memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
    loss = tested->sparse_divergence_gradient(found, count, ids, logarithms, entries, 0.1f, listed);
    wanted = plain->sparse_divergence_gradient(expected, count, ids, logarithms, entries, 0.1f, listed);
    compare_doubles("sparse_divergence_gradient", functions, loss, wanted);
    compare("sparse_divergence_gradient", functions, found, expected, count);

    memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
    loss = tested->cross_entropy_gradient(found, count, 1, 0.1f);
    wanted = plain->cross_entropy_gradient(expected, count, 1, 0.1f);
    compare_doubles("cross_entropy_gradient", functions, loss, wanted);
    compare("cross_entropy_gradient", functions, found, expected, count);

    teacher[count / 2] = 1;
    if (count > 7) teacher[3] = 2;
    for (int squared = 0; squared < 2; squared++) {
      memcpy(found, student, count * sizeof *found), memcpy(expected, student, count * sizeof *found);
      loss = tested->distance_gradient(teacher, found, count, squared, 0.1f);
      wanted = plain->distance_gradient(teacher, expected, count, squared, 0.1f);
      compare_doubles("distance_gradient", functions, loss, wanted);
      compare("distance_gradient", functions, found, expected, count);
    }
    free(teacher), free(student), free(found), free(expected);
  }
}

static void check_optimizer(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 501) {
    const size_t count = *count_of;
    const ck_adam_step step = {
        .rate = 1e-2f, .gradient_scale = 0.5f, .mean_keep = 0.9f, .mean_share = 0.1f, .variance_keep = 0.95f,
        .variance_share = 0.05f, .mean_factor = 2, .variance_factor = 3, .epsilon = 1e-8f, .weight_decay = 0.1f};
    float *gradient = random_floats(count, -1, 1), *found[3], *expected[3];
    for (int i = 0; i < 3; i++) found[i] = random_floats(count, 0, 1), expected[i] = copy(found[i], count);
    tested->adam_step(&step, found[0], gradient, found[1], found[2], count);
    plain->adam_step(&step, expected[0], gradient, expected[1], expected[2], count);
    for (int i = 0; i < 3; i++) compare("adam_step", functions, found[i], expected[i], count);
    compare_doubles(
        "sum_of_squares", double_sums, tested->sum_of_squares(gradient, count), plain->sum_of_squares(gradient, count));
    free(gradient);
    for (int i = 0; i < 3; i++) free(found[i]), free(expected[i]);
  }
}
