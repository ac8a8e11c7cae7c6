#include "clamp.c"

static int32_t round_shift(int64_t x, int32_t by) {
  const int64_t mask = ((int64_t)1 << by) - 1;
  const int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (int32_t)((x >> by) + ((x & mask) > threshold ? 1 : 0));
}

static int32_t high_product(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31); }

/* 1 / (1 + x) for x in 0 ... 1, both with 31 bits behind the point: gemmlowp, fixedpoint.h, one_over_one_plus_x. */
static int32_t reciprocal(int32_t x) {
  const int64_t sum = (int64_t)x + INT32_MAX;
  const int32_t half = (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
  int32_t y = 1515870810 + high_product(half, -1010580540);
  for (int i = 0; i < 3; i++) {
    const int32_t off = (1 << 29) - high_product(half, y);
    const int64_t step = (int64_t)high_product(y, off) * 4;
    y += (int32_t)(step > INT32_MAX ? INT32_MAX : step < INT32_MIN ? INT32_MIN : step);
  }
  const int64_t twice = (int64_t)y * 2;
  return (int32_t)(twice > INT32_MAX ? INT32_MAX : twice);
}

/* Softmax of rows: TFLM, tensorflow/lite/kernels/internal/reference/softmax.h. `exponentials` holds exp of each
   difference from the largest value, 0 ... 255, with 31 bits behind the point; -1 where it counts as nothing. */
static void softmax(const int32_t *exponentials, const int8_t *input, int8_t *output, int32_t rows, int32_t depth) {
  for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
    int32_t most = -128;
    uint32_t sum = 0; /* unsigned: of 4,096 values or more it has 32 bits */
    for (int32_t i = 0; i < depth; i++) most = input[i] > most ? input[i] : most;
    for (int32_t i = 0; i < depth; i++) {
      const int32_t e = exponentials[most - input[i]];
      if (e >= 0) sum += (uint32_t)round_shift(e, 12);
    }
    int32_t zeros = 0;
    while (zeros < 31 && !((sum << zeros) & 0x80000000u)) zeros++;
    const int32_t scale = reciprocal((int32_t)((sum << zeros) - 0x80000000u));
    for (int32_t i = 0; i < depth; i++) {
      const int32_t e = exponentials[most - input[i]];
      output[i] = -128;
      if (e >= 0) output[i] = clamp(round_shift(high_product(scale, e), 12 - zeros + 31 - 8) - 128, -128, 127);
    }
  }
}
