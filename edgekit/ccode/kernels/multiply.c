#include "clamp.c"
#include "requantize.c"

/* Product of two tensors of one shape: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/mul.h. */
static void TYPED(multiply)(const VALUE *one, const VALUE *other, VALUE *output, int32_t count, const int32_t of[7]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t product = (one[i] - of[0]) * (other[i] - of[1]);
    output[i] = TYPED(clamp)(requantize(product, of[2], of[3]) + of[4], of[5], of[6]);
  }
}
