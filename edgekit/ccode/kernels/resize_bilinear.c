/* Where a row or column of the output lies between two of the input. */
typedef struct {
  int32_t from;  /* where the first lies, in bytes */
  int32_t step;  /* to the second, in bytes */
  int32_t part;  /* of the second, in 1024ths */
} between;

/* Bilinear resize of one image: TFLM, tensorflow/lite/kernels/internal/reference/resize_bilinear.h,
   ResizeBilinearInteger. */
static void resize_bilinear(const int8_t *input, int8_t *output, const between *rows, const between *columns,
                            int32_t height, int32_t width, int32_t channels) {
  for (int32_t y = 0; y < height; y++) {
    const int32_t lower = rows[y].part, upper = 1024 - lower;
    for (int32_t x = 0; x < width; x++) {
      const int8_t *one = input + rows[y].from + columns[x].from, *other = one + rows[y].step;
      const int32_t step = columns[x].step, right = columns[x].part, left = 1024 - right;
      for (int32_t c = 0; c < channels; c++, one++, other++) {
        const int32_t sum = (one[0] * left + one[step] * right) * upper + (other[0] * left + other[step] * right) * lower;
        *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
      }
    }
  }
}
