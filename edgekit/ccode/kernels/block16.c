/* Adds all products to the sums of two output channels of four pixels. */
static inline void block16(const linear16 *of, const int16_t *patch, const int8_t *weights, int32_t sums[8]) {
  dots16(patch, weights, (of->inputs + 1) & ~1, sums);
}
