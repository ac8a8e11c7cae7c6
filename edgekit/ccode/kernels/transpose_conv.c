/* The part of a transposed convolution of one image that lies at one place of the stride, which is a convolution whose
   outputs lie apart: row by row, `row` and `pixel` values from one to the next. The same sums as in TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h, in another order. */
static void TYPED(transpose_conv)(const TYPED(linear) *of, const window *at, const VALUE *input, VALUE *output,
                                  int32_t row, int32_t pixel, void *scratch) {
  window line = *at;
  line.out_height = 1;
  for (int32_t y = 0; y < at->out_height; y++, line.pad_y--) {
    TYPED(conv)(of, &line, input, output + y * row, pixel, scratch);
  }
}
