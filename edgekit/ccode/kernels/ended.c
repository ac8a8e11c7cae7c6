/* The sum of one output as it is stored. */
static inline int8_t ended(const linear *of, int32_t c, int32_t sum, int32_t low, int32_t high) {
  return finish(sum, of->multiplier[c], of->shift[c], of->zero, low, high);
}
