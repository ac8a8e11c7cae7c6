#include "dsp_word.c"
#include "dsp_pairs.c"
#include "word16.c"

/* Two more sums from two inputs. */
static inline void dot2_16(int32_t x, const int8_t *weights, int32_t sums[2]) {
  const uint32_t four = word(weights);
  sums[0] = dot16(x, even16(four), sums[0]);
  sums[1] = dot16(x, odd16(four), sums[1]);
}

/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. So many products at
   a time as 32 bits can hold. */
static void dense16(const linear16 *of, const int16_t *input, int16_t *output, int32_t rows) {
  const int32_t inputs = of->inputs;
  for (int32_t row = 0; row < rows; row++, input += inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      sum16 a = of->bias[c], b = of->bias[next];
      for (int32_t start = 0; start < inputs; start += of->block) {
        const int32_t end = inputs - start < of->block ? inputs : start + of->block;
        int32_t i = start, sums[2] = {0, 0};
        for (; i + 4 <= end; i += 4, weights += 8) {
          dot2_16(word16(input + i), weights, sums);
          dot2_16(word16(input + i + 2), weights + 4, sums);
        }
        for (; i + 2 <= end; i += 2, weights += 4) dot2_16(word16(input + i), weights, sums);
        if (i < end) {
          const int16_t last[2] = {input[i], 0};
          dot2_16(word16(last), weights, sums);
          weights += 4;
        }
        a += sums[0];
        b += sums[1];
      }
      output[c] = ended16(of, c, a, of->low, of->high);
      if (next != c) output[next] = ended16(of, next, b, of->low, of->high);
    }
  }
}
