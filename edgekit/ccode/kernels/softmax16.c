#include "requantize.c"

/* Between the knots of a curve of 16 bits: TFLM, tensorflow/lite/kernels/internal/common.h, LUTLookup. */
static int32_t between16(const int16_t *knots, int32_t x) {
  x = x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x;
  const int16_t *const knot = knots + 256 + (x >> 7);
  return knot[0] + (((knot[1] - knot[0]) * (x & 127) + 64) >> 7);
}

/* Softmax of rows: TFLM, tensorflow/lite/kernels/internal/reference/softmax.h, SoftmaxInt16. */
static void softmax16(const int16_t *exponentials, const int16_t *reciprocals, const int16_t *input, int16_t *output,
                      int32_t rows, int32_t depth, int32_t multiplier, int32_t shift) {
  for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
    int32_t most = INT16_MIN, sum = 0, zeros = 0;
    for (int32_t i = 0; i < depth; i++) most = input[i] > most ? input[i] : most;
    for (int32_t i = 0; i < depth; i++) {
      output[i] = (int16_t)between16(exponentials, requantize(input[i] - most, multiplier, shift) + 32767);
      sum += output[i];
    }
    while (!((uint32_t)sum << zeros & 0x80000000u)) zeros++;
    const int32_t shifted = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
    const int32_t scale = between16(reciprocals, shifted - 98304), right = 31 - zeros;
    for (int32_t i = 0; i < depth; i++) {
      const int32_t y = (output[i] * scale + (1 << (right - 1))) >> right;
      output[i] = (int16_t)(y < 0 ? 0 : y > INT16_MAX ? INT16_MAX : y);
    }
  }
}
