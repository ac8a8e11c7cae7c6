#include "clamp.c"
#include "requantize.c"

/* Sum of two tensors of one shape, or difference: TFLM, tensorflow/lite/kernels/internal/reference/add.h, sub.h. */
static void TYPED(add)(const VALUE *one, const VALUE *other, VALUE *output, int32_t count, const int32_t of[13]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t a = requantize((one[i] - of[0]) * of[11], of[1], of[2]);
    const int32_t b = requantize((other[i] - of[3]) * of[11], of[4], of[5]);
    output[i] = TYPED(clamp)(requantize(a + b * of[12], of[6], of[7]) + of[8], of[9], of[10]);
  }
}
