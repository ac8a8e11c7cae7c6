/* Nearest-neighbour resize of one image: TFLM, tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h.
   `rows` and `columns`: where each output row and pixel comes from, in bytes; `wide`: bytes of a pixel. */
static void resize_nearest(const void *input, void *output, const int32_t *rows, const int32_t *columns, int32_t height,
                           int32_t width, int32_t wide) {
  int8_t *to = output;
  for (int32_t y = 0; y < height; y++) {
    if (y > 0 && rows[y] == rows[y - 1]) {
      memcpy(to, to - width * wide, (size_t)(width * wide));
      to += width * wide;
      continue;
    }
    for (int32_t x = 0; x < width; x++) {
      const int8_t *from = (const int8_t *)input + rows[y] + columns[x];
      for (int32_t i = 0; i < wide; i++) *to++ = *from++;
    }
  }
}
