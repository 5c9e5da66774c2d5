// Reading memory, as fast as it goes: what any kernel that is bound by memory is measured by.

static float read_values(const float *x, size_t count) {
  enum { vectors = 8 };  // independent sums, so that no addition waits for another
  floats sums[vectors] = {0};
  size_t i = 0;
  for (; i + vectors * WIDTH <= count; i += vectors * WIDTH)
    for (int j = 0; j < vectors; j++) sums[j] += load(x + i + (size_t)j * WIDTH);
  floats sum = 0;
  for (int j = 0; j < vectors; j++) sum += sums[j];
  float rest = 0;
  for (; i < count; i++) rest += x[i];
  return sum_of(sum) + rest;
}
