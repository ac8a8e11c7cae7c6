#include "sigmoids.c"

/* The sigmoid of x / 2^12, with 15 bits behind the point: TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h. */
static int32_t gate_sigmoid(int32_t x) {
  const int32_t apart = (x < 0 ? -x : x) * 3, low = SIGMOID[apart >> 9];
  const int32_t y = low * 512 + (apart & 511) * (SIGMOID[(apart >> 9) + 1] - low);
  return (x < 0 ? (1 << 25) - y + 511 : y + 512) >> 10;
}

/* tanh of x * multiplier / 3 / 2^(12 + right), with 15 bits behind the point: TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/tanh.h. */
static int32_t gate_tanh(int32_t x, int32_t multiplier, int32_t right) {
  x = (x * multiplier + (int32_t)((uint32_t)1 << right >> 1)) >> right;
  const int32_t apart = x < 0 ? -x : x, knot = apart >> 8;
  int32_t y = 0xFFFF00;
  if (knot < 255) y = SIGMOID[knot] * 256 + (apart & 255) * (SIGMOID[knot + 1] - SIGMOID[knot]);
  return (x < 0 ? (1 << 23) - y + 127 : y - (1 << 23) + 128) >> 8;
}
