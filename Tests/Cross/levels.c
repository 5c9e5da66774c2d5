// Runs every kernel of one instruction set against the portable one on the same random operands, and prints for each
// how far their results are apart at most:
//
//   levels LEVEL          exit status 0 if all agree, 1 if not, 2 if this machine lacks the level
//   levels LEVEL spoil    changes a result of every kernel a little; exit status 0 if every comparison notices
//
// Both levels must be in one program, so that it can run in an emulator. Buffers have exactly the size that a call may
// touch, for address sanitizer to watch.
#include "comparison.h"

#include "gradients.h"
#include "layers.h"
#include "products.h"

struct levels {
  const ck_kernels *tested, *plain;
};

static void check_all(void *context, size_t item, size_t thread) {
  (void)item, (void)thread;
  const ck_kernels *tested = ((struct levels *)context)->tested, *plain = ((struct levels *)context)->plain;
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) check_products(tested, plain, type);
  for (ck_type type = ck_q8_0; type <= ck_q4_0; type++) check_rounding(tested, plain, type);
  check_sgemm(tested, plain);
  check_widening(tested, plain);
  check_narrowing(tested, plain);
  check_quantising(tested, plain);
  check_statistics(tested, plain);
  check_elementwise(tested, plain);
  check_decays(tested, plain);
  check_norms(tested, plain);
  check_rotation(tested, plain);
  check_convolution(tested, plain);
  for (ck_type type = ck_float32; type <= ck_bfloat16; type++) {
    check_attention(tested, plain, type);
    check_attention_blocks(tested, plain, type);
    check_attention_gradients(tested, plain, type);
  }
  check_recurrences(tested, plain);
  check_recurrence_gradients(tested, plain);
  check_judgement(tested, plain);
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) check_input_gradients(tested, plain, type);
  check_weight_gradients(tested, plain);
  check_row_gradients(tested, plain);
  check_activation_gradients(tested, plain);
  check_losses(tested, plain);
  check_optimizer(tested, plain);
}

static const struct {
  const char *name;
  ck_level level;
} levels[] = {
    {"portable", ck_level_portable}, {"avx2-halves", ck_level_avx2_halves}, {"avx2", ck_level_avx2},
    {"avx512", ck_level_avx512},     {"neon", ck_level_neon},
};

int main(int count, char **arguments) {
  struct levels pair = {NULL, ck_kernels_of(ck_level_portable)};
  for (size_t i = 0; count > 1 && i < sizeof levels / sizeof *levels; i++)
    if (strcmp(arguments[1], levels[i].name) == 0) pair.tested = ck_kernels_of(levels[i].level);
  if (!pair.tested || !pair.plain) {
    fprintf(stderr, "levels: %s is no instruction set of this machine\n", count > 1 ? arguments[1] : "nothing");
    return 2;
  }
  spoils = count > 2 && strcmp(arguments[2], "spoil") == 0;
  // As in the program: denormals count as zeros.
  ck_pool *pool = ck_pool_create(1);
  if (!pool) return 2;
  ck_pool_run(pool, 1, check_all, &pair);
  ck_pool_destroy(pool);

  const size_t all = sizeof kernels / sizeof *kernels;
  size_t failures = 0;
  for (size_t i = 0; i < kernel_count; i++) {
    const int fails = !(kernels[i].difference <= kernels[i].tolerance);
    failures += (size_t)fails;
    if (!spoils)
      printf(
          "  %-26s %9zu values, apart by at most %.1e of %.1e%s\n", kernels[i].name, kernels[i].values,
          kernels[i].difference, kernels[i].tolerance, fails ? "  FAILED" : "");
  }
  if (kernel_count != all) {
    fprintf(stderr, "levels: %zu of %zu kernels were compared\n", kernel_count, all);
    return 1;
  }
  if (spoils) {
    printf("  %zu of %zu spoilt kernels were noticed\n", failures, all);
    return failures == all ? 0 : 1;
  }
  return failures == 0 ? 0 : 1;
}
