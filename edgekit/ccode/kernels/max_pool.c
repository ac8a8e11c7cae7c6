#include "clamp.c"

/* Max pooling of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h. Without padding the
   output may lie where the input lies. */
static void TYPED(max_pool)(const window *at, const VALUE *input, VALUE *output, int32_t low, int32_t high) {
  for (int32_t oy = 0; oy < at->out_height; oy++) {
    for (int32_t ox = 0; ox < at->out_width; ox++, output += at->channels) {
      const int32_t top = oy * at->stride_y - at->pad_y, left = ox * at->stride_x - at->pad_x;
      const int32_t y0 = top < 0 ? 0 : top, x0 = left < 0 ? 0 : left;
      const int32_t y1 = top + at->kernel_y < at->height ? top + at->kernel_y : at->height;
      const int32_t x1 = left + at->kernel_x < at->width ? left + at->kernel_x : at->width;
      memmove(output, input + (y0 * at->width + x0) * at->channels, (size_t)at->channels * sizeof(*output));
      for (int32_t y = y0; y < y1; y++) {
        for (int32_t x = y == y0 ? x0 + 1 : x0; x < x1; x++) {
          const VALUE *from = input + (y * at->width + x) * at->channels;
          TYPED(larger)(from, output, at->channels);
        }
      }
      if (low > VALUE_MIN || high < VALUE_MAX) {
        for (int32_t c = 0; c < at->channels; c++) output[c] = TYPED(clamp)(output[c], low, high);
      }
    }
  }
}
