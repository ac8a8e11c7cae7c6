#include "clamp.c"
#include "requantize.c"

/* Products of matrices: TFLM, tensorflow/lite/kernels/internal/reference/batch_matmul.h. `size`: of three axes of
   matrices, of rows, of columns, and the products of a sum; `x_step` and `y_step`: from one to the next in each input,
   in bytes. `scratch` holds a row as 16 bits each. */
static void matmul(const int8_t *x, const int8_t *y, int8_t *output, const int32_t size[6], const int32_t x_step[6],
                   const int32_t y_step[6], const int32_t of[5], int8_t *scratch) {
  int16_t *const row = (int16_t *)(void *)scratch;
  const int32_t depth = size[5], next = y_step[5];
  for (int32_t a = 0; a < size[0]; a++) {
    for (int32_t b = 0; b < size[1]; b++) {
      for (int32_t c = 0; c < size[2]; c++) {
        for (int32_t r = 0; r < size[3]; r++) {
          const int8_t *from = x + a * x_step[0] + b * x_step[1] + c * x_step[2] + r * x_step[3];
          const int8_t *column = y + a * y_step[0] + b * y_step[1] + c * y_step[2];
          int32_t start = 0;
          for (int32_t k = 0; k < depth; k++) {
            row[k] = (int16_t)(from[k * x_step[5]] - of[0]);
            start -= row[k] * of[1];
          }
          for (int32_t n = 0; n < size[4]; n++) {
            const int8_t *with = column + n * y_step[4];
            int32_t sum = start;
            for (int32_t k = 0; k < depth; k++) sum += row[k] * with[k * next];
            *output++ = clamp(requantize(sum, of[2], of[3]) + of[4], -128, 127);
          }
        }
      }
    }
  }
}
