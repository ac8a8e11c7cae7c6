/* Weights as indexes into tables of their values. For a pair of outputs the indexes of one and of the other alternate,
   as the values do that they stand for; none straddles two words. */
typedef struct {
  const uint32_t *(*decode)(const uint32_t *indexes, const int8_t *tables, int32_t count, int8_t *to);
  const uint32_t *indexes;
  const int8_t *tables; /* of the first output of a pair, then of the other */
  int32_t words;        /* of indexes, from one pair to the next */
  int32_t step;         /* of tables, from one pair to the next: 0 where all outputs have the same */
  int32_t count;        /* weights of each output */
} palette;

#define DECODE(k)                                                 \
  do {                                                            \
    to[2 * (k)] = tables[word >> 2 * (k) * bits & mask];          \
    to[2 * (k) + 1] = other[word >> (2 * (k) + 1) * bits & mask]; \
  } while (0)

/* Decodes `count` weights of each of two outputs, and what is left of the last word. Returns where the indexes go on. */
static inline const uint32_t *decode(const uint32_t *indexes, const int8_t *tables, int32_t bits, int32_t count,
                                     int8_t *to) {
  const uint32_t mask = (1u << bits) - 1u;
  const int8_t *const other = tables + (1 << bits);
  for (; count > 0; count -= 16 / bits) {
    uint32_t word = *indexes++;
    for (int32_t n = 16 / bits; n >= 4; n -= 4, to += 8) {
      DECODE(0);
      DECODE(1);
      DECODE(2);
      DECODE(3);
      word = word >> 4 * bits >> 4 * bits;
    }
    if (16 / bits % 4) {
      DECODE(0);
      to += 2;
    }
  }
  return indexes;
}
