#include "clamp.c"
#include "requantize.c"

/* 1 / sqrt(x) as a multiplier and a shift for `requantize`, by five steps of Newton: TFLM,
   tensorflow/lite/kernels/internal/common.h, GetInvSqrtQuantizedMultiplierExp. */
static int32_t inverse_root(int32_t x, int32_t *shift) {
  *shift = 0;
  if (x <= 1) return INT32_MAX;
  int32_t right = 11;
  for (; x >= 1 << 29; x /= 4) right++;
  for (; x < 1 << 27; x *= 4) right--;
  const int32_t quarter = (x / 2 + 1) / 2; /* half of x, with 28 bits behind the point */
  int32_t y = 1 << 28;
  for (int i = 0; i < 5; i++) {
    const int32_t cube = requantize(requantize(y, y, 0), y, 0) * (1 << 6);
    y = (requantize(3 << 27, y, 0) - requantize(quarter, cube, 0)) * (1 << 3);
  }
  y = requantize(y, 1518500250, 0);
  if (right < 0) return y * (1 << -right);
  *shift = -right;
  return y;
}

/* Rows divided by the root of the sum of their squares: TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/l2normalization.h. */
static void l2_normalization(const int8_t *input, int8_t *output, int32_t rows, int32_t depth, int32_t zero) {
  for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
    int32_t sum = 0, shift;
    for (int32_t i = 0; i < depth; i++) sum += (input[i] - zero) * (input[i] - zero);
    const int32_t multiplier = inverse_root(sum, &shift);
    for (int32_t i = 0; i < depth; i++) {
      output[i] = clamp(requantize(input[i] - zero, multiplier, shift + 7), -128, 127);
    }
  }
}
