#include "finish_pair.c"

/* Convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/conv.h. From pixel to pixel
   the output goes on by `stride` values. `scratch` holds what four pixels see. */
static void TYPED(conv)(const TYPED(linear) *of, const window *at, const VALUE *input, VALUE *output, int32_t stride,
                        int8_t *scratch) {
  const int32_t pixels = at->out_height * at->out_width, channels = of->channels, steps = TYPED(CONV_STEPS)(of->inputs);
  int32_t ox = 0, y = -at->pad_y, x = -at->pad_x;
  for (int32_t pixel = 0; pixel < pixels; pixel += 4, output += 4 * stride) {
    const int32_t lanes = pixels - pixel < 4 ? pixels - pixel : 4;
    const int32_t inputs = of->inputs;
    for (int32_t lane = 0; lane < lanes; lane++) {
      TYPED(look)(at, input, y, x, inputs, steps, lane, scratch);
      x += at->stride_x;
      if (++ox == at->out_width) {
        ox = 0;
        x = -at->pad_x;
        y += at->stride_y;
      }
    }
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < channels; c += 2, weights += TYPED(CONV_STEP) * steps) {
      const int32_t next = c + 1 < channels ? c + 1 : c;
      const SUM one = of->bias[c], other = of->bias[next];
      SUM sums[8] = {one, other, one, other, one, other, one, other};
      TYPED(dots)(of, scratch, weights, steps, sums);
      TYPED(finish_pair)(of, c, sums, output + c, stride, lanes);
    }
  }
}
