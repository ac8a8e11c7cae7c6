#define PALETTE_LANE 80 /* inputs whose weights are decoded at once: whole fours, and whole words of indexes */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "decoded bytes are read as words, the first byte as the lowest"
#endif

/* Fully connected, as `dense` is; of four outputs, which are two pairs, the weights for some inputs are decoded. */
static void palette_dense(const linear *of, const palette *by, const int8_t *input, int8_t *output, int32_t rows,
                          int32_t each) {
  const int32_t inputs = of->inputs, zero = of->zero, low = of->low, high = of->high;
  for (; rows > 0; rows--, input += inputs) {
    const uint32_t *next = by->indexes;
    const int8_t *tables = by->tables;
    const int32_t *bias = of->bias, *multiplier = of->multiplier;
    const int8_t *shift = of->shift, *const end = output + of->channels;
    uint32_t offset = 0; /* unsigned, as it goes round where a sum of so many inputs does not */
    for (int32_t i = 0; i < inputs; i++) offset -= (uint32_t)(128 * input[i]);
    while (output != end) {
      const uint32_t *indexes = next, *others = next + by->words;
      int32_t one[PALETTE_LANE / 2], other[PALETTE_LANE / 2], sums[4] = {0, (int32_t)offset, 0, (int32_t)offset};
      const int32_t both = end - output > 2;
      for (int32_t left = inputs, part; left > 0; left -= part) {
        part = left < PALETTE_LANE ? left : PALETTE_LANE;
        indexes = by->decode(indexes, tables, part, (int8_t *)one);
        if (both) others = by->decode(others, tables + by->step, part, (int8_t *)other);
        dot4(input + inputs - left, part, one, both ? other : one, sums);
      }
      next = others;
      tables += both ? 2 * by->step : 0;
      for (int32_t n = 0; n < 4 && output != end; n++) {
        *output++ = finish(sums[n] + *bias++, *multiplier, *shift, zero, low, high);
        multiplier += each;
        shift += each;
      }
    }
  }
}
